// An OpenID provider on loopback that msal signs in at: `node provider.mjs SETTINGS.json`.
// SETTINGS: {key, certificate, tenant, scope, clients, lifetime}. Prints its address when it listens.
// As with Microsoft, the path begins with the tenant and `v2.0`.

import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tls = { key: readFileSync(settings.key), cert: readFileSync(settings.certificate) };
const mount = `/${settings.tenant}/v2.0`;
const server = createServer(tls);

server.listen(0, "127.0.0.1", () => {
  const origin = `https://127.0.0.1:${server.address().port}`;
  const provider = new Provider(`${origin}${mount}`, {
    clients: settings.clients.map((client) => ({
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      ...client,
    })),
    ttl: { ClientCredentials: settings.lifetime },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => settings.scope.replace("/.default", ""),
        getResourceServerInfo: (ctx, resource) => ({
          scope: settings.scope,
          audience: resource,
          accessTokenTTL: settings.lifetime,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url.startsWith(mount)) {
      response.writeHead(404).end();
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(mount.length);
    answer(request, response);
  });
  console.log(origin);
});
