-- Whose database works on the objects: a copy of a store has its marks, too (fence.py).
CREATE TABLE fence (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    token       uuid,                       -- what the note beside the objects says; null: no start yet
    before      uuid,                       -- what it said until then, for while it is being replaced
    disputed_at timestamptz,                -- when another's token was found last; null: long ago
    rival       text NOT NULL DEFAULT ''    -- who works on the objects, too, as far as is known
) WITH (fillfactor = 10);
