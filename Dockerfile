# One image per service: docker build --build-arg SERVICE=auth -t holdfast/auth .
# It carries the pnpm workspace as it is: Node strips types only outside node_modules, so there is nothing to pack or to build.
ARG SERVICE

FROM node:24-trixie-slim AS install
ARG SERVICE
WORKDIR /app
# The manifests first: a change of sources alone installs nothing anew.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
COPY services/pages/package.json services/pages/
COPY services/runtime/package.json services/runtime/
COPY services/session/package.json services/session/
COPY services/${SERVICE}/package.json services/${SERVICE}/
# The secret is optional: a bundle of certificate authorities for builds behind a proxy that has one of its own.
RUN --mount=type=secret,id=certificates \
    if [ -e /run/secrets/certificates ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/certificates; fi \
 && export npm_config_cache=/tmp/npm XDG_CACHE_HOME=/tmp/cache XDG_DATA_HOME=/tmp/data \
 && npx --yes "$(node -p 'require("./package.json").packageManager')" install --frozen-lockfile --prod --filter "@holdfast/${SERVICE}..." \
 && rm -rf /tmp/npm /tmp/cache /tmp/data
COPY services/pages services/pages
COPY services/runtime services/runtime
COPY services/session services/session
COPY services/${SERVICE} services/${SERVICE}
RUN find services -name '*.test.ts' -not -path '*/node_modules/*' -delete

FROM node:24-trixie-slim
ARG SERVICE
# Who may change /app: nobody but root, unless a development loop copies changed source into the running container.
ARG OWNER=0:0
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/compile-cache
COPY --from=install --chown=${OWNER} /app /app
WORKDIR /app/services/${SERVICE}
# What Node compiles to start is kept: that is 40 % of a start's CPU, and while pods are replaced those that serve wait for it. The service
# ends at once, as nothing is configured. Node uses what is kept only for the same user, and not on another kind of processor.
RUN install -d -o 1000 "$NODE_COMPILE_CACHE" \
 && { setpriv --reuid 1000 --clear-groups node src/main.ts || test -d "$NODE_COMPILE_CACHE"/*-1000; } \
 && chown -R 0:0 "$NODE_COMPILE_CACHE" && chmod -R a+rX "$NODE_COMPILE_CACHE"
# By number, so that Kubernetes can see that it isn't root. It writes nothing: the root file system may be read-only.
USER 1000:1000
CMD ["node", "src/main.ts"]
