-- What is counted belongs to an insurance, whatever scenario counts it.
CREATE TABLE accumulators_of_schemes (
    psn_no TEXT NOT NULL REFERENCES persons,
    scheme TEXT NOT NULL,
    name   TEXT NOT NULL,
    period TEXT NOT NULL,
    value  TEXT NOT NULL,
    told   TEXT,                       -- what a query shows in its place: a query side that lags behind
    PRIMARY KEY (psn_no, scheme, name, period)
) STRICT, WITHOUT ROWID;

-- Up to now two scenarios were counted.
INSERT INTO accumulators_of_schemes
SELECT psn_no,
       CASE scenario WHEN 'medical-settlement' THEN '310' WHEN 'unemployment-sign-in' THEN 'unemployment' ELSE scenario END,
       name, period, value, told
FROM accumulators;

DROP TABLE accumulators;
ALTER TABLE accumulators_of_schemes RENAME TO accumulators;
