-- What an operator watches is read from an index alone, however much waits: `state` is in it, or the rows would be read
-- for `open`. Not the first column, or it would be taken for what is asked of one holder.
CREATE INDEX entries_unsent ON entries (created_at, online, amount, state) WHERE open = 1;

-- What is at its end and still holds something personal, the oldest first.
CREATE INDEX entries_personal ON entries (updated_at) WHERE open = 0 AND (payload IS NOT NULL OR answer IS NOT NULL);
