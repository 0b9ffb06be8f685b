-- Options that were given with a call travel with it.

ALTER TABLE runs ADD COLUMN options TEXT;
