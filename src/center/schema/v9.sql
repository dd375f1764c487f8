-- One alarm a terminal and code, whatever numbers its text has: who holds the token that all share must not be able to
-- add a row with each message. `about` tells those of one code apart that are kept each by itself.
CREATE TABLE alarms_of_codes (
    number   INTEGER NOT NULL PRIMARY KEY,
    terminal TEXT    NOT NULL,
    code     TEXT    NOT NULL,
    about    TEXT    NOT NULL,
    text     TEXT    NOT NULL,             -- the latest
    first_at TEXT    NOT NULL,
    times    INTEGER NOT NULL,
    UNIQUE (terminal, code, about)
) STRICT;

WITH named AS (
    SELECT number, code, first_at, times,
           CASE WHEN terminal IN (SELECT terminal FROM terminals WHERE length(terminal) = 12)
                THEN terminal ELSE 'unknown' END AS terminal,
           CASE code WHEN 'C-CHAIN-HOLE' THEN text ELSE '' END AS about
    FROM alarms
), grouped AS (
    SELECT min(number) AS number, max(number) AS last, terminal, code, about, min(first_at) AS first_at,
           sum(times) AS times
    FROM named GROUP BY terminal, code, about
)
INSERT INTO alarms_of_codes
SELECT number, terminal, code, about, (SELECT text FROM alarms WHERE number = last), first_at, times FROM grouped;

DROP TABLE alarms;
ALTER TABLE alarms_of_codes RENAME TO alarms;
