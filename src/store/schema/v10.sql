-- Version 10: writes to cards that were begun, until they are seen to end.

CREATE TABLE writes (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    card   BLOB    NOT NULL CHECK (length(card) = 32),  -- keyed hash, as in held_pairs
    sealed BLOB    NOT NULL                             -- file, old and new values: personal, so sealed by who writes
) STRICT;

CREATE INDEX writes_card ON writes (card);
