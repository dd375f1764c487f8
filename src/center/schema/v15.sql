-- Visits and admissions: each is registered under a number of the centre's own, and named by it from then on.
CREATE TABLE visits (
    psn_no    TEXT    NOT NULL REFERENCES persons (psn_no),
    mdtrt_id  TEXT    NOT NULL,
    insurance TEXT,                                              -- 险种; NULL where it is not known
    care      TEXT    CHECK (care IN ('outpatient', 'inpatient')), -- NULL where it is not known
    filing    INTEGER UNIQUE REFERENCES filings (number),        -- what registered it, where that came here
    ended     INTEGER NOT NULL DEFAULT 0 CHECK (ended IN (0, 1)), -- discharged, or closed otherwise
    PRIMARY KEY (psn_no, mdtrt_id)                               -- one from elsewhere may have the number of another person's
) STRICT, WITHOUT ROWID;

-- Up to now what was registered had its 受理号 alone, and went on under that.
INSERT INTO visits (psn_no, mdtrt_id, filing, care)
SELECT psn_no, 'F' || printf('%011d', number), number,
       CASE scenario WHEN 'clinic-registration' THEN 'outpatient' ELSE 'inpatient' END FROM filings
WHERE scenario IN ('clinic-registration', 'hospital-admission', 'work-injury-admission', 'maternity-admission');

-- Whatever else was named was a visit, for nobody asked who had registered it.
INSERT OR IGNORE INTO visits (psn_no, mdtrt_id)
SELECT psn_no, json_extract(fields, '$.mdtrt_id') FROM filings WHERE json_extract(fields, '$.mdtrt_id') IS NOT NULL;

INSERT OR IGNORE INTO visits (mdtrt_id, psn_no)
SELECT json_extract(posted, '$.settlement.mdtrt_id'), psn_no FROM settlements
WHERE json_extract(posted, '$.settlement.mdtrt_id') IS NOT NULL AND psn_no IS NOT NULL;

-- What was settled and stands: it is no cancellation, and nothing that stands cancels it.
CREATE VIEW standing AS
SELECT number, psn_no, posted FROM settlements
WHERE state = 'settled' AND cancels IS NULL
  AND NOT EXISTS (SELECT 1 FROM settlements AS other WHERE other.cancels = settlements.number AND other.state = 'settled');

-- What an accepted change makes of a record beside the items that the form has by the same name; JSON.
ALTER TABLE records ADD COLUMN changes TEXT;

-- Which of the seeds were sown. Up to now nobody kept that: those that are built in are sown where they have not been.
CREATE TABLE seeds (
    name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What queries are told of the centre's own doing, beside the records or laid over them (`own`).
CREATE TABLE own_records (
    scenario TEXT NOT NULL,
    source   TEXT NOT NULL,                                      -- JSON, as are the next two
    done_in  TEXT NOT NULL,                                      -- settlements of which scenarios
    items    TEXT NOT NULL,                                      -- each item of a record, and what it is
    PRIMARY KEY (scenario, source)
) STRICT, WITHOUT ROWID;
