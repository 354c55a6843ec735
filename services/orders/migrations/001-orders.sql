-- Milliseconds, so that a time survives the way to a client and back (the cursor of the list).
create table orders (
  id uuid primary key,
  user_id text not null,
  sku text not null check (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
  quantity integer not null check (quantity between 1 and 1000),
  created_at timestamptz(3) not null default clock_timestamp(),
  idempotency_key text check (length(idempotency_key) between 1 and 255),
  -- One order for a key, whichever replica is first. Orders without a key are null here, and nulls are distinct.
  unique (user_id, idempotency_key)
);

create index orders_newest_first on orders (user_id, created_at desc, id desc);
