-- The journal, version 1. A released schema is never edited: the next one is a file of its own.

-- Whose journal this is and which keys it was written with.
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE entries (
    sequence    INTEGER NOT NULL PRIMARY KEY CHECK (sequence > 0),
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    msgid       TEXT    NOT NULL UNIQUE,
    idempotency BLOB    NOT NULL UNIQUE CHECK (length(idempotency) = 32),  -- keyed hash of the caller's key
    content     BLOB    NOT NULL CHECK (length(content) = 32),             -- keyed hash of what the key stands for
    header      BLOB    NOT NULL,                                          -- the bytes that are chained
    header_hash BLOB    NOT NULL CHECK (length(header_hash) = 32),
    holder      BLOB    NOT NULL CHECK (length(holder) = 32),              -- keyed hash
    operator    TEXT    NOT NULL,
    amount      INTEGER,                                                   -- fen
    online      INTEGER NOT NULL CHECK (online IN (0, 1)),
    created_at  INTEGER NOT NULL,                                          -- milliseconds
    payload     BLOB,                                                      -- sealed; NULL once erased
    -- what changes, authenticated by state_mac
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'sending', 'handed-over', 'acked', 'refused', 'unknown',
                                                  'reversing', 'reversed', 'void', 'cancelling', 'cancelled')),
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    updated_at  INTEGER NOT NULL,
    centre_no   TEXT,
    answer      BLOB,                                                      -- sealed
    state_mac   BLOB    NOT NULL CHECK (length(state_mac) = 32),
    open        INTEGER NOT NULL GENERATED ALWAYS AS
                (state IN ('pending', 'sending', 'handed-over', 'unknown', 'reversing', 'cancelling')) VIRTUAL
) STRICT;

CREATE INDEX entries_open ON entries (sequence) WHERE open = 1;
CREATE INDEX entries_state ON entries (state, updated_at);

-- One signature a commit group, over the chain's head after it.
CREATE TABLE groups (
    sequence  INTEGER NOT NULL PRIMARY KEY REFERENCES entries (sequence),
    head      BLOB    NOT NULL CHECK (length(head) = 32),
    signature BLOB    NOT NULL CHECK (length(signature) = 64)
) STRICT;

-- The allowed moves, the same as in the program.
CREATE TABLE moves (
    from_state TEXT    NOT NULL,
    to_state   TEXT    NOT NULL,
    online     INTEGER NOT NULL,
    PRIMARY KEY (from_state, to_state, online)
) STRICT, WITHOUT ROWID;

INSERT INTO moves VALUES
    ('pending', 'sending', 0), ('pending', 'sending', 1),
    ('sending', 'sending', 0),
    ('sending', 'handed-over', 0),
    ('sending', 'acked', 0), ('sending', 'acked', 1),
    ('sending', 'refused', 0), ('sending', 'refused', 1),
    ('sending', 'unknown', 1),
    ('sending', 'void', 1),
    ('handed-over', 'sending', 0),
    ('handed-over', 'acked', 0),
    ('handed-over', 'refused', 0),
    ('unknown', 'acked', 1),
    ('unknown', 'reversing', 1),
    ('reversing', 'reversing', 1),
    ('reversing', 'reversed', 1),
    ('reversing', 'void', 1),
    ('acked', 'cancelling', 0), ('acked', 'cancelling', 1),
    ('cancelling', 'cancelling', 0), ('cancelling', 'cancelling', 1),
    ('cancelling', 'cancelled', 0), ('cancelling', 'cancelled', 1),
    ('cancelling', 'acked', 0), ('cancelling', 'acked', 1);

CREATE TRIGGER entries_move BEFORE UPDATE OF state ON entries
WHEN NOT EXISTS (SELECT 1 FROM moves WHERE from_state = OLD.state AND to_state = NEW.state AND online = OLD.online)
BEGIN SELECT RAISE(ABORT, 'this move is not allowed'); END;

CREATE TRIGGER entries_start BEFORE INSERT ON entries
WHEN NEW.state NOT IN ('pending', 'sending')
BEGIN SELECT RAISE(ABORT, 'nothing starts in this state'); END;

CREATE TRIGGER entries_fixed
BEFORE UPDATE OF sequence, id, msgid, idempotency, content, header, header_hash, holder, operator, amount, online,
                 created_at ON entries
BEGIN SELECT RAISE(ABORT, 'a committed transaction does not change'); END;

CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'a committed transaction stays'); END;

CREATE TRIGGER groups_fixed BEFORE UPDATE ON groups
BEGIN SELECT RAISE(ABORT, 'a signature does not change'); END;

CREATE TRIGGER groups_stay BEFORE DELETE ON groups
BEGIN SELECT RAISE(ABORT, 'a signature stays'); END;
