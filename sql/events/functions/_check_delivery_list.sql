-- Looked at before anything casts it. Two paths: in the lax one a filter would look into an array that
-- stands where an object belongs.
create or replace function dbkit._check_delivery_list(p_list jsonb, p_argument text)
returns void
language plpgsql
volatile
as $$
begin
  if jsonb_typeof(p_list) is distinct from 'array' or jsonb_array_length(p_list) > 10000
    or p_list @? 'strict $[*] ? (@.type() != "object")'
    or jsonb_array_length(p_list) <> jsonb_array_length(jsonb_path_query_array(p_list, '$[*] ? (
      @.delivery_id.type() == "number" && @.delivery_id.floor() == @.delivery_id
      && @.delivery_id >= 0 && @.delivery_id < 9223372036854775808
      && @.token.type() == "number" && @.token.floor() == @.token
      && @.token >= 0 && @.token < 2147483648
      && (!exists(@.status_code ? (@ != null)) || @.status_code.type() == "number"
        && @.status_code.floor() == @.status_code && @.status_code >= 0 && @.status_code < 1000)
      && (!exists(@.duration_ms ? (@ != null)) || @.duration_ms.type() == "number"
        && @.duration_ms.floor() == @.duration_ms && @.duration_ms >= 0 && @.duration_ms < 2147483648)
      ).delivery_id'))
  then
    perform dbkit.raise_error('KD004',
      format('%s must be an array of at most 10000 objects, each with the integers delivery_id and token',
        p_argument),
      jsonb_build_object('argument', p_argument),
      'Give back what claim_deliveries gave; status_code (0 to 999) and duration_ms are integers too.');
  end if;
end
$$;
comment on function dbkit._check_delivery_list(jsonb, text) is
  'Refuses with KD004 what is not [{delivery_id bigint, token int, status_code int?, duration_ms int?, …}].';
