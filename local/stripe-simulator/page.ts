import { invalidParameter, resourceMissing } from "./errors.ts";
import type { CreatedRange, Listed, NewestFirst } from "./newest-first.ts";
import { readLimit } from "./params.ts";

type PageParams = { limit?: number; starting_after?: string; ending_before?: string; created?: CreatedRange };

/** Checks a list's parameters and returns the function that answers it, in Stripe's envelope. */
export function page<T extends Listed>(
  params: PageParams,
  source: {
    url: string;
    kind: string;
    list: NewestFirst<T>;
    find: (id: string) => T | undefined;
    render: (item: T) => unknown;
    keep?: (item: T) => boolean;
  },
): () => object {
  const limit = readLimit(params.limit);
  if (params.starting_after !== undefined && params.ending_before !== undefined) {
    const message = "You can only specify one of these parameters: starting_after, ending_before.";
    throw invalidParameter("starting_after", { code: "parameters_exclusive", message });
  }
  const cursor = (param: "starting_after" | "ending_before"): T | undefined => {
    const id = params[param];
    if (id === undefined) return undefined;
    const item = source.find(id);
    if (item === undefined) throw resourceMissing(source.kind, { id, param });
    return item;
  };
  return () => {
    const after = cursor("starting_after");
    const until = cursor("ending_before");
    const { items, hasMore } = source.list.page({
      range: params.created ?? {},
      limit,
      after,
      until,
      keep: source.keep,
    });
    return { object: "list", url: source.url, has_more: hasMore, data: items.map(source.render) };
  };
}
