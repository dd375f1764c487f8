-- What was done to people's accumulators, in the order in which it was done, whatever did it: what takes one of it back
-- asks what came after it.
CREATE TABLE postings (
    number    INTEGER NOT NULL PRIMARY KEY,
    about     TEXT    NOT NULL UNIQUE,             -- what did it: 'settlement 12', 'payment 3', 'filing 7', 'sign-in ID'
    psn_no    TEXT    NOT NULL REFERENCES persons,
    admission TEXT,
    changes   TEXT    NOT NULL,                    -- JSON
    stands    INTEGER NOT NULL CHECK (stands IN (0, 1))
) STRICT;

CREATE INDEX postings_person ON postings (psn_no, number) WHERE stands = 1;

-- Up to now each list had an order of its own: between them the time tells. Of sign-ins nothing was kept.
INSERT INTO postings (about, psn_no, admission, changes, stands)
SELECT about, psn_no, json_extract(posted, admission), json_extract(posted, '$.changes'), stands FROM (
    SELECT 'settlement ' || number AS about, psn_no, posted, '$.settlement.mdtrt_id' AS admission,
           NOT EXISTS (SELECT 1 FROM settlements AS other
               WHERE other.cancels = settlements.number AND other.state = 'settled') AS stands,
           json_extract(reply, '$.setlinfo.setl_time') AS at, number
    FROM settlements WHERE state = 'settled' AND cancels IS NULL
    UNION ALL
    SELECT 'payment ' || number, json_extract(posted, '$.psn_no'), posted, '$.mdtrt_id', 1,
           datetime(json_extract(reply, '$.payinfo.paid_at'), '+8 hours'), number
    FROM payments WHERE state = 'paid'
    UNION ALL
    SELECT 'filing ' || number, psn_no, posted, '$.mdtrt_id', state = 'accepted',
           (SELECT datetime(json_extract(receipt, '$.received_at'), '+8 hours') FROM transactions
               WHERE transactions.id = filings.id), number
    FROM filings
)
WHERE json_array_length(posted, '$.changes') > 0
ORDER BY at, number;
