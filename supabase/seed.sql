-- After the sample shop (config.toml, db.seed): articles to try it with, and the schedules. `supabase start` and `supabase db reset` run it.

insert into public.inventory (sku, on_hand)
values ('tea-green', 40), ('tea-black', 25), ('teapot', 3)
on conflict (sku) do nothing;

select lapse.enable_schedules();
