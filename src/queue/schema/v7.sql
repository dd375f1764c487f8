-- The key by which a caller sends it again, and what it was asked for with it: keyed hashes; NULL where the caller gave
-- none, and in what was committed before the columns came. Authenticated by state_mac. Of a key there is one for ever.
ALTER TABLE entries ADD COLUMN caller BLOB CHECK (length(caller) = 32);
ALTER TABLE entries ADD COLUMN asked BLOB CHECK (length(asked) = 32);
CREATE UNIQUE INDEX entries_caller ON entries (caller) WHERE caller IS NOT NULL;

CREATE TRIGGER entries_caller_fixed BEFORE UPDATE OF caller, asked ON entries
BEGIN SELECT RAISE(ABORT, 'a committed transaction does not change'); END;
