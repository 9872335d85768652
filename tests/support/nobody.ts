/** An address where nothing listens. A privileged port, because another test could get any free one. */
export const NOBODY = "127.0.0.1:800";
