-- A terminal's settlements of a day that stand.
CREATE INDEX settlements_day ON settlements (terminal, substr(json_extract(reply, '$.setlinfo.setl_time'), 1, 10))
WHERE state = 'settled';
