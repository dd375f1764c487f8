-- The figures in which the centre's settlement is not what the terminal computed, a JSON array of names; NULL when
-- there is none. Authenticated by state_mac.
ALTER TABLE entries ADD COLUMN differs TEXT;
