-- The store, version 1. All of it is learned again when it is lost.

CREATE TABLE card_types (
    type_bytes BLOB NOT NULL CHECK (length(type_bytes) = 7),
    interface  TEXT NOT NULL,
    version    TEXT NOT NULL,
    capability TEXT NOT NULL,  -- JSON
    PRIMARY KEY (type_bytes, interface, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE psam_levels (
    psam  BLOB    NOT NULL,
    key   TEXT    NOT NULL,
    level INTEGER NOT NULL,
    PRIMARY KEY (psam, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE accumulators (
    holder       BLOB    NOT NULL CHECK (length(holder) = 32),  -- keyed hash
    scope        TEXT    NOT NULL,
    as_of        INTEGER NOT NULL,                              -- milliseconds
    accumulators TEXT    NOT NULL,                              -- JSON
    PRIMARY KEY (holder, scope)
) STRICT, WITHOUT ROWID;
