-- A tree, not a list: what is chosen among 300 keys costs 9 comparisons. Leaves are put in as they are,
-- because a line break in them may be part of a literal.
create or replace function dbkit._if_tree(
  p_variable text,
  p_keys text[],
  p_leaves text[],
  p_indent text default '  '
)
returns text
language plpgsql
immutable
as $$
declare
  v_half int := cardinality(p_keys) / 2;
begin
  if cardinality(p_keys) = 0 then
    return '';
  elsif cardinality(p_keys) = 1 then
    return format(E'%sif %s = %L then\n%s%send if;\n', p_indent, p_variable, p_keys[1], p_leaves[1], p_indent);
  end if;
  return format(E'%sif %s collate "C" <= %L then\n%s%selse\n%s%send if;\n', p_indent, p_variable, p_keys[v_half],
    dbkit._if_tree(p_variable, p_keys[:v_half], p_leaves[:v_half], p_indent || '  '), p_indent,
    dbkit._if_tree(p_variable, p_keys[v_half + 1:], p_leaves[v_half + 1:], p_indent || '  '), p_indent);
end
$$;
comment on function dbkit._if_tree(text, text[], text[], text) is
  'PL/pgSQL text: a binary tree of IFs over a text variable, with one leaf (whole lines) for each key. The
keys are sorted by their bytes (collation "C").';
