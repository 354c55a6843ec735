#!lua name=holdfast_v1
-- revision: 1000
--
-- What holdfast_v2 leaves behind of the library before it, for services of the release before that still run during an
-- upgrade: they know nothing of sessions in their new place, and must ask again elsewhere (503) rather than call them ended.

local function ask_elsewhere()
  return redis.error_reply('-TRYAGAIN this service is older than the sessions in Redis')
end

local function register(name)
  redis.register_function{function_name = 'holdfast_v1_' .. name, callback = ask_elsewhere, flags = {'no-writes'}}
end

register('create')
register('validate')
register('validate_each')
register('touch')
register('rotate')
register('revoke')
register('revoke_user')
register('revoke_linked')
register('list')
register('limit')
