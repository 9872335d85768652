/** One function as the CLI sent it. `files` are named by their path below the project's folder. */
export type Upload = { slug: string; project: string; metadata: UploadMetadata; files: Map<string, Uint8Array> };

export type UploadMetadata = { entrypoint_path: string; import_map_path: string; verify_jwt: boolean; name: string };

export type ManagementApi = { url: string; uploads: Upload[] } & AsyncDisposable;

/**
 * Stands in for the part of Supabase's management API that `functions deploy --use-api` calls, and keeps what it was sent.
 * It answers as the hosted one does after a successful deployment; bundling is not part of it.
 */
export function startManagementApi(options: { accessToken: string }): ManagementApi {
  const uploads: Upload[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (request.headers.get("authorization") !== `Bearer ${options.accessToken}`) {
      return Response.json({ message: "Unauthorized" }, { status: 401 });
    }
    const { pathname, searchParams } = new URL(request.url);
    const project = pathname.match(/^\/v1\/projects\/([a-z]{20})\/functions\/deploy$/)?.[1];
    if (request.method !== "POST" || project === undefined) {
      return Response.json({ message: `No ${request.method} ${pathname}` }, { status: 404 });
    }
    const upload = await readUpload(request, { project, slug: searchParams.get("slug") ?? "" });
    uploads.push(upload);
    return Response.json(describeFunction(upload), { status: 201 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, uploads, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function readUpload(request: Request, target: { project: string; slug: string }): Promise<Upload> {
  const form = await request.formData();
  const files = new Map<string, Uint8Array>();
  for (const part of form.getAll("file")) {
    if (typeof part === "string") throw new Error(`Cannot read upload of ${target.slug}: a part named file is no file`);
    files.set(part.name, await part.bytes());
  }
  const metadata = form.get("metadata");
  // Some clients send JSON as a part of type application/json, which arrives as a file.
  return { ...target, files, metadata: JSON.parse(metadata instanceof File ? await metadata.text() : `${metadata}`) };
}

function describeFunction({ slug, metadata }: Upload) {
  return { id: crypto.randomUUID(), slug, status: "ACTIVE", version: 1, created_at: 0, updated_at: 0, ...metadata };
}
