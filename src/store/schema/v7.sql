-- Version 7: what a holder was told of, and what it was: figures that are taken over later are told again.

CREATE TABLE told (
    id       BLOB    NOT NULL CHECK (length(id) = 16),      -- the transaction's
    what     TEXT    NOT NULL,                              -- the day whose figures were taken over and what is owed; or empty
    holder   BLOB    NOT NULL CHECK (length(holder) = 32),  -- keyed hash, the journal's
    operator TEXT    NOT NULL,
    at       INTEGER NOT NULL,                              -- milliseconds
    PRIMARY KEY (id, what)
) STRICT, WITHOUT ROWID;

INSERT INTO told SELECT id, '', holder, operator, at FROM acknowledged;
DROP TABLE acknowledged;
CREATE INDEX told_holder ON told (holder);
