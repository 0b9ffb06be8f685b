-- Options that were given with a call travel with it.

ALTER TABLE woflo.runs ADD COLUMN options TEXT;
