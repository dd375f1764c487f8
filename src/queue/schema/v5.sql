-- What an operator watches is read from an index alone, however much waits.
CREATE INDEX entries_unsent ON entries (online, created_at, amount) WHERE open = 1;

-- What is at its end and still holds something personal, the oldest first.
CREATE INDEX entries_personal ON entries (updated_at) WHERE open = 0 AND (payload IS NOT NULL OR answer IS NOT NULL);
