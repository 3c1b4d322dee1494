// Serves a folder under a sub-path as GitLab Pages does: the compressed copy of a file, if the client accepts it.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".json": "application/json",
  ".csv": "text/csv; charset=utf-8",
};

/** Serves `folder` below `/group/project/`; `sent` has the bytes of every response. */
export async function serve(folder) {
  const sent = [];
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    let file = path.join(folder, decodeURIComponent(pathname.replace(/^\/group\/project/, "")));
    if (!pathname.startsWith("/group/project/") || !file.startsWith(folder) || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    if (fs.statSync(file).isDirectory()) file = path.join(file, "index.html");
    const headers = {
      "content-type": TYPES[path.extname(file)] ?? "application/octet-stream",
      "cache-control": "max-age=600",
    };
    const accepted = request.headers["accept-encoding"] ?? "";
    for (const [encoding, ending] of [
      ["br", ".br"],
      ["gzip", ".gz"],
    ]) {
      if (accepted.includes(encoding) && fs.existsSync(file + ending)) {
        headers["content-encoding"] = encoding;
        file += ending;
        break;
      }
    }
    const content = fs.readFileSync(file);
    sent.push({ path: pathname, bytes: content.length });
    response.writeHead(200, headers).end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/group/project`, sent, stop: () => server.close() };
}
