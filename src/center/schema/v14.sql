-- The lines of the bills that were settled, each by what names it (`lines`), of one person. A line that stands is not settled
-- again; whether it stands its settlement says.
CREATE TABLE fee_lines (
    psn_no     TEXT    NOT NULL,
    feedetl_sn TEXT    NOT NULL,                                 -- JSON, as is the next
    sold       TEXT    NOT NULL,                                 -- all that it says of what was sold, its number first
    settlement INTEGER NOT NULL REFERENCES settlements (number),
    mdtrt_id   TEXT,                                             -- NULL where the bill names no visit
    PRIMARY KEY (psn_no, feedetl_sn, sold, settlement)
) STRICT, WITHOUT ROWID;

-- Those of the settlements from before.
INSERT OR IGNORE INTO fee_lines (psn_no, feedetl_sn, sold, settlement, mdtrt_id)
SELECT psn_no, json_quote(json_extract(line.value, '$.feedetl_sn')),
       json_array(json_extract(line.value, '$.feedetl_sn'), json_extract(line.value, '$.med_list_codg'),
                  json_extract(line.value, '$.fee_ocur_time'), json_extract(line.value, '$.cnt'),
                  json_extract(line.value, '$.pric'), json_extract(line.value, '$.det_item_fee_sumamt')),
       number, json_extract(posted, '$.settlement.mdtrt_id')
FROM settlements, json_each(posted, '$.settlement.feedetail') AS line
WHERE state = 'settled' AND cancels IS NULL AND json_extract(line.value, '$.feedetl_sn') IS NOT NULL;
