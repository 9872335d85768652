-- Articles to try the jobs with, after `supabase start` or `supabase db reset`. The migrations bring everything else.

insert into public.inventory (sku, on_hand)
values ('tea-green', 40), ('tea-black', 25), ('teapot', 3)
on conflict (sku) do nothing;
