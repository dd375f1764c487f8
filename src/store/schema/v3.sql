-- Version 3: tries of keys on a card that were begun, and of which it was not seen how they ended.

CREATE TABLE open_tries (
    pair BLOB PRIMARY KEY CHECK (length(pair) = 32)  -- as in held_pairs
) STRICT, WITHOUT ROWID;
