insert into dbkit.error_codes (sqlstate, name, http_status, summary)
values
  ('KD401', 'unknown_order', 404, 'There is no such order, or the caller may not read it.'),
  ('KD402', 'unknown_store', 404, 'There is no such store, or it is not active.'),
  ('KD403', 'store_closed', 409, 'The store takes no orders at the moment.'),
  ('KD404', 'unknown_menu_item', 422, 'There is no such item on the menu.'),
  ('KD405', 'wrong_store', 422, 'The item is on the menu of another store.'),
  ('KD406', 'item_unavailable', 409, 'The item is sold out.'),
  ('KD407', 'invalid_customization', 422, 'An option is not the item''s, or lacks the option above it.'),
  ('KD408', 'customization_unavailable', 409, 'A chosen option is sold out.'),
  ('KD409', 'selection_out_of_range', 422, 'Too few or too many options of a group are chosen.'),
  ('KD410', 'invalid_quantity', 422, 'A quantity is not between 1 and 999.'),
  ('KD411', 'invalid_contact', 422, 'The contact of the customer is missing or malformed.'),
  ('KD412', 'transition_not_allowed', 409, 'The order may not get this status from the caller now.'),
  ('KD413', 'invalid_cursor', 400, 'The cursor is malformed, or was made for another list.'),
  ('KD414', 'unknown_source_region', 422, 'There is no region of this name.'),
  ('KD415', 'invalid_order_lines', 422, 'An order needs 1 to 100 lines, each an object.'),
  ('KD416', 'amount_too_large', 422, 'An amount is larger than an order can hold.')
on conflict (sqlstate) do update
set name = excluded.name, http_status = excluded.http_status, summary = excluded.summary;
-- down
delete from dbkit.error_codes where sqlstate between 'KD400' and 'KD499';
