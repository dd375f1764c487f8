-- What a holder did, asked before each decision without the centre.
CREATE INDEX entries_holder ON entries (holder, created_at);
