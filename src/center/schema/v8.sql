-- What terminals have signed as lost of their chains, and after what their chains go on. Kept as it was told, for ever;
-- one that was told of again with more in it is a row of its own.
CREATE TABLE holes (
    number         INTEGER NOT NULL PRIMARY KEY,
    terminal       TEXT    NOT NULL,
    after_sequence INTEGER NOT NULL CHECK (after_sequence >= 0),
    after_hash     BLOB    NOT NULL CHECK (length(after_hash) = 32),
    until_sequence INTEGER NOT NULL CHECK (until_sequence > after_sequence),
    until_hash     BLOB    NOT NULL CHECK (length(until_hash) = 32),
    signature      BLOB    NOT NULL CHECK (length(signature) = 64),
    told_at        TEXT    NOT NULL,
    UNIQUE (terminal, after_sequence, until_sequence)
) STRICT;
