#!lua name=clameur_read

-- The live figures without knowing the layout: read-only functions for FCALL_RO, from any client.
--
--   FCALL_RO clameur_account   0 ACCOUNT [PLATFORM]              field value ...
--   FCALL_RO clameur_content   0 ACCOUNT PLATFORM CONTENT        field value ...
--   FCALL_RO clameur_campaign  0 ACCOUNT CAMPAIGN                field value ...
--   FCALL_RO clameur_tag       0 ACCOUNT PLATFORM TAG            field value ...
--   FCALL_RO clameur_live      0 ACCOUNT SESSION                 field value ... viewers_now n
--   FCALL_RO clameur_series    0 ACCOUNT PLATFORM SINCE UNTIL [COUNTER...]   minute counter value ..., oldest first
--   FCALL_RO clameur_top       0 ACCOUNT PLATFORM HOUR N [HOURS] content score ..., best first; the HOURS hours that end with HOUR's
--   FCALL_RO clameur_reach     0 ACCOUNT PLATFORM DAY [TAG]      key <name> reach <estimate>
--   FCALL_RO clameur_platforms 0 [PLATFORM...]                   platform (field value ...) ..., summed over the shards
--   FCALL_RO clameur_marks     0                                 shard:partition "epoch next last fingerprint time" ...
--   FCALL_RO clameur_faults    0                                 shard:field value ...
--   FCALL_RO clameur_key       0 FAMILY PART...                  the key's name and its shard's tag
--   FCALL_RO clameur_audit     n MARK-KEY KEY...                 below
--
-- Times are Unix seconds; a minute, hour or day may be named by any second in it, and UNTIL is not included. Fields are sorted by
-- their bytes; what is not there is an empty answer. A field `x` counts events and `x.read` is what the platform last reported: show
-- `x.read` where there is one, else `x`, never their sum. Values are text, exact to 64 bits.
--
-- Without a key the deployment is the one under the prefix `clm`. With KEYS[1], any key of a deployment (`shop:{3560}:meta`), it is
-- that one. Shard and tags are found in `meta`; on a Redis Cluster pass a key of the account's own shard.
--
-- clameur_audit answers, in one call, so that marks and values belong together:
--   [1]  the marks of the shard: partition text partition text ...
--   [i]  of KEYS[i], i from 2 (at most 1,000): {type, expires, content}
--        type      'hash', 'zset', 'string' (a HyperLogLog is one) or 'none'
--        expires   absolute Unix seconds; -1 never; -2 no such key
--        content   hash: field value ...; zset: member score ...; string: {bytes}; none: {}     (in no order)

local DEFAULT_PREFIX = 'clm'
local FIRST_TAG = '3560' -- shard 0 has it in every deployment
local HOUR, DAY = 3600, 86400
local HOURS_MAX = 24 * 90
local AUDIT_KEYS_MAX = 1000
local TOP_MAX = 10000

-- Those of schemas/platforms.def (a test compares them); others are asked for by name.
local PLATFORMS = {
  'instagram', 'tiktok', 'youtube', 'facebook', 'x', 'linkedin', 'pinterest', 'snapchat', 'messenger', 'whatsapp',
  'instagram_direct', 'telegram', 'discord', 'bluesky', 'mastodon', 'threads', 'reddit', 'twitch', 'web', 'store',
  'enterprise', 'metaverse', 'twitter',
}

-- Where keys lie

local function crc16(text)
  local crc = 0
  for i = 1, #text do
    crc = bit.bxor(crc, bit.lshift(string.byte(text, i), 8))
    for _ = 1, 8 do
      local carry = bit.band(crc, 0x8000) ~= 0
      crc = bit.band(bit.lshift(crc, 1), 0xffff)
      if carry then crc = bit.bxor(crc, 0x1021) end
    end
  end
  return crc
end

local function encode(id)
  return (string.gsub(id, '[:%%{}]', function(c) return string.format('%%%02X', string.byte(c)) end))
end

-- The deployment: its prefix and its shards' tags.
local function space_find(keys)
  local prefix, tag = DEFAULT_PREFIX, FIRST_TAG
  if keys[1] then
    prefix, tag = string.match(keys[1], '^([^{}]+):{(%d+)}:')
    if not prefix then error('"' .. keys[1] .. '" is no key of a deployment: it begins PREFIX:{TAG}:', 0) end
  end
  local meta = prefix .. ':{' .. tag .. '}:meta'
  local text = redis.call('HGET', meta, 'tags')
  if not text then error('no deployment at ' .. meta .. ': pass any key of one as KEYS[1]', 0) end
  local tags = {}
  for word in string.gmatch(text, '%d+') do table.insert(tags, word) end
  return {prefix = prefix, tags = tags}
end

-- The name of a key of shard 1..S.
local function shard_key(space, shard, name)
  return space.prefix .. ':{' .. space.tags[shard] .. '}:' .. name, space.tags[shard]
end

-- The same for an account, of which every key lies in one shard.
local function account_key(space, account, name)
  return shard_key(space, crc16(account) % #space.tags + 1, name)
end

local function join(family, ...)
  local name = family
  for _, part in ipairs({...}) do name = name .. ':' .. encode(part) end
  return name
end

-- Arguments

local function whole_number(text, what)
  if not string.match(text, '^%d+$') or #text > 15 then error(what .. ' "' .. text .. '" is not a number from 0 on', 0) end
  return tonumber(text)
end

local function bucket(text, size, what)
  local seconds = whole_number(text, what)
  return seconds - seconds % size
end

local function integer(n) return string.format('%.0f', n) end

local function given_not_empty(argv, count)
  for i = 1, count do
    if argv[i] == '' then error('argument ' .. i .. ' is empty', 0) end
  end
end

-- Answers

-- Text compares by the server's locale; bytes do not.
local function bytes_less(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- A flat list of field and value, sorted by field.
local function sorted(flat)
  local fields, values = {}, {}
  for i = 1, #flat, 2 do
    table.insert(fields, flat[i])
    values[flat[i]] = flat[i + 1]
  end
  table.sort(fields, bytes_less)
  local answer = {}
  for _, field in ipairs(fields) do
    table.insert(answer, field)
    table.insert(answer, values[field])
  end
  return answer
end

local function hash(key) return sorted(redis.call('HGETALL', key)) end

-- Sums of 64-bit integers: Lua's own numbers lose the last digits above 2^53, so high and low digits are added apart.
local LOW = 1000000000

local function sum_add(sum, text)
  local sign, digits = string.match(text, '^(%-?)(%d+)$')
  if not digits then error('"' .. text .. '" is not an integer', 0) end
  local factor = sign == '-' and -1 or 1
  sum.low = sum.low + factor * tonumber(string.sub(digits, -9))
  sum.high = sum.high + factor * (tonumber(string.sub(digits, 1, -10)) or 0)
end

local function sum_text(sum)
  local carry = math.floor(sum.low / LOW)
  local high, low = sum.high + carry, sum.low - carry * LOW
  local sign = ''
  if high < 0 then
    sign, high, low = '-', -high, -low
    if low < 0 then high, low = high - 1, low + LOW end
  end
  if high == 0 then return (low ~= 0 and sign or '') .. integer(low) end
  return sign .. integer(high) .. string.format('%09.0f', low)
end

-- The functions

-- A hash whose name is made of the arguments, the account first.
local function counters(family)
  return function(space, argv) return hash((account_key(space, argv[1], join(family, unpack(argv))))) end
end

local function live(space, argv)
  local key = account_key(space, argv[1], join('live', argv[1], argv[2]))
  local answer = hash(key)
  if #answer == 0 then return answer end
  local moves = redis.call('HMGET', key, 'live_joins', 'live_leaves')
  local viewers = {high = 0, low = 0}
  sum_add(viewers, moves[1] or '0')
  local leaves = moves[2] or '0'
  sum_add(viewers, string.sub(leaves, 1, 1) == '-' and string.sub(leaves, 2) or '-' .. leaves)
  table.insert(answer, 'viewers_now')
  table.insert(answer, sum_text(viewers))
  return answer
end

local function series_hour(answer, fields, hour, range)
  for i = 1, #fields, 2 do
    local minute, counter = string.match(fields[i], '^(%d%d):(.+)$')
    local at = minute and hour + 60 * tonumber(minute)
    local wanted = at and at >= range.since and at < range.stop and
                   (not range.counters or range.counters[counter])
    if wanted then
      table.insert(answer, integer(at))
      table.insert(answer, counter)
      table.insert(answer, fields[i + 1])
    end
  end
end

local function series(space, argv)
  local range = {since = bucket(argv[3], 60, 'SINCE'), stop = whole_number(argv[4], 'UNTIL')}
  if range.stop - range.since > HOURS_MAX * HOUR then error('SINCE and UNTIL lie more than 90 days apart', 0) end
  if #argv > 4 then
    range.counters = {}
    for i = 5, #argv do range.counters[argv[i]] = true end
  end
  local answer = {}
  for hour = range.since - range.since % HOUR, range.stop - 1, HOUR do
    local key = account_key(space, argv[1], join('series', argv[1], argv[2], integer(hour)))
    series_hour(answer, hash(key), hour, range)
  end
  return answer
end

local function top(space, argv)
  local last = bucket(argv[3], HOUR, 'HOUR')
  local n, hours = whole_number(argv[4], 'N'), argv[5] and whole_number(argv[5], 'HOURS') or 1
  if n < 1 or n > TOP_MAX then error('N must be from 1 to ' .. TOP_MAX, 0) end
  if hours < 1 or hours > HOURS_MAX then error('HOURS must be from 1 to ' .. HOURS_MAX, 0) end
  local keys = {}
  for hour = math.max(0, last - (hours - 1) * HOUR), last, HOUR do
    table.insert(keys, (account_key(space, argv[1], join('top', argv[1], argv[2], integer(hour)))))
  end
  if #keys == 1 then return redis.call('ZREVRANGE', keys[1], 0, n - 1, 'WITHSCORES') end
  local words = {'ZUNION', #keys, unpack(keys)}
  table.insert(words, 'WITHSCORES')
  local union, answer = redis.call(unpack(words)), {} -- the least first
  for i = #union - 1, math.max(1, #union + 1 - 2 * n), -2 do
    table.insert(answer, union[i])
    table.insert(answer, union[i + 1])
  end
  return answer
end

-- HyperLogLog, as Redis stores it and counts it (its PFCOUNT is forbidden to read-only functions in Redis 7.0): 16,384 registers of
-- 6 bits behind a header of 16 bytes, dense or run-length coded; the estimator is Ertl's.
local REGISTERS, RANKS = 16384, 50

local function histogram_dense(bytes, histogram)
  for i = 17, 16 + REGISTERS * 6 / 8, 3 do
    local a, b, c = string.byte(bytes, i, i + 2)
    local four = {bit.band(a, 63), bit.bor(bit.rshift(a, 6), bit.lshift(bit.band(b, 15), 2)),
                  bit.bor(bit.rshift(b, 4), bit.lshift(bit.band(c, 3), 4)), bit.rshift(c, 2)}
    for _, rank in ipairs(four) do histogram[rank] = histogram[rank] + 1 end
  end
end

local function histogram_sparse(bytes, histogram)
  local i = 17
  while i <= #bytes do
    local code = string.byte(bytes, i)
    if code >= 128 then -- 1vvvvvll
      local rank = bit.band(bit.rshift(code, 2), 31) + 1
      histogram[rank] = histogram[rank] + bit.band(code, 3) + 1
    elseif code >= 64 then -- 01llllll llllllll
      i = i + 1
      histogram[0] = histogram[0] + bit.lshift(bit.band(code, 63), 8) + string.byte(bytes, i) + 1
    else -- 00llllll
      histogram[0] = histogram[0] + code + 1
    end
    i = i + 1
  end
end

local function tau(x)
  if x == 0 or x == 1 then return 0 end
  local y, z, before = 1, 1 - x, nil
  repeat
    x, before, y = math.sqrt(x), z, y * 0.5
    z = z - (1 - x) ^ 2 * y
  until before == z
  return z / 3
end

local function sigma(x)
  if x == 1 then return math.huge end
  local y, z, before = 1, x, nil
  repeat
    x, before = x * x, z
    z = z + x * y
    y = y + y
  until before == z
  return z
end

local function estimate(bytes)
  if string.sub(bytes, 1, 4) ~= 'HYLL' then error('the key holds no HyperLogLog', 0) end
  local histogram = {}
  for rank = 0, 63 do histogram[rank] = 0 end
  if string.byte(bytes, 5) == 0 then histogram_dense(bytes, histogram) else histogram_sparse(bytes, histogram) end
  local z = REGISTERS * tau((REGISTERS - histogram[RANKS + 1]) / REGISTERS)
  for rank = RANKS, 1, -1 do z = (z + histogram[rank]) * 0.5 end
  z = z + REGISTERS * sigma(histogram[0] / REGISTERS)
  return math.floor(0.721347520444481703680 * REGISTERS * REGISTERS / z + 0.5)
end

local function reach(space, argv)
  local day = integer(bucket(argv[3], DAY, 'DAY'))
  local name = argv[4] and join('reach', argv[1], argv[2], 'tag', argv[4], day) or join('reach', argv[1], argv[2], day)
  local key = account_key(space, argv[1], name)
  local bytes = redis.call('GET', key)
  return {'key', key, 'reach', integer(bytes and estimate(bytes) or 0)}
end

local function platform_total(space, platform)
  local sums, flat = {}, {}
  for shard = 1, #space.tags do
    local fields = redis.call('HGETALL', (shard_key(space, shard, join('platform', platform))))
    for i = 1, #fields, 2 do
      sums[fields[i]] = sums[fields[i]] or {high = 0, low = 0}
      sum_add(sums[fields[i]], fields[i + 1])
    end
  end
  for field, sum in pairs(sums) do
    table.insert(flat, field)
    table.insert(flat, sum_text(sum))
  end
  return sorted(flat)
end

local function platforms(space, argv)
  local answer = {}
  for _, platform in ipairs(#argv > 0 and argv or PLATFORMS) do
    local total = platform_total(space, platform)
    if #total > 0 then
      table.insert(answer, platform)
      table.insert(answer, total)
    end
  end
  return answer
end

-- One key of every shard, its fields behind the number of the shard.
local function of_every_shard(name)
  return function(space)
    local answer = {}
    for shard = 1, #space.tags do
      local fields = hash((shard_key(space, shard, name)))
      for i = 1, #fields, 2 do
        table.insert(answer, (shard - 1) .. ':' .. fields[i])
        table.insert(answer, fields[i + 1])
      end
    end
    return answer
  end
end

-- How many parts a family's name has, the account first; of_shard: the shard's number first.
local families = {
  acct = {least = 1, most = 2}, content = {least = 3, most = 3}, campaign = {least = 2, most = 2},
  series = {least = 3, most = 3, size = HOUR}, top = {least = 3, most = 3, size = HOUR}, tag = {least = 3, most = 3},
  live = {least = 2, most = 2}, reach = {least = 3, most = 4, size = DAY}, orders = {least = 1, most = 1},
  platform = {least = 2, most = 2, of_shard = true}, mark = {least = 1, most = 1, of_shard = true},
  faults = {least = 1, most = 1, of_shard = true}, meta = {least = 1, most = 1, of_shard = true},
  rules = {least = 1, most = 1, of_shard = true},
}

local function shard_part(space, text)
  local shard = whole_number(text, 'SHARD')
  if shard >= #space.tags then error('there are ' .. #space.tags .. ' shards', 0) end
  return shard + 1
end

local function key_name(space, argv)
  local family = families[argv[1]]
  if not family then error('there is no family "' .. argv[1] .. '"', 0) end
  local parts = {unpack(argv, 2)}
  if #parts < family.least or #parts > family.most then
    error(argv[1] .. ' takes ' .. family.least .. ' to ' .. family.most .. ' parts', 0)
  end
  if family.of_shard then return {shard_key(space, shard_part(space, parts[1]), join(argv[1], unpack(parts, 2)))} end
  if family.size then parts[3] = integer(bucket(parts[3], family.size, 'TIME')) end
  if argv[1] == 'reach' and parts[4] then parts = {parts[1], parts[2], 'tag', parts[4], parts[3]} end
  return {account_key(space, parts[1], join(argv[1], unpack(parts)))}
end

local function content_of(key, kind)
  if kind == 'hash' then return redis.call('HGETALL', key) end
  if kind == 'zset' then return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'string' then return {redis.call('GET', key)} end
  return {}
end

local function audit(keys)
  if #keys < 1 or #keys - 1 > AUDIT_KEYS_MAX then
    error('usage: FCALL_RO clameur_audit n MARK-KEY KEY... (at most ' .. AUDIT_KEYS_MAX .. ' keys)', 0)
  end
  local answer = {redis.call('HGETALL', keys[1])}
  for i = 2, #keys do
    local kind = redis.call('TYPE', keys[i]).ok
    answer[i] = {kind, redis.call('EXPIRETIME', keys[i]), content_of(keys[i], kind)}
  end
  return answer
end

-- Wrong arguments, and whatever else, are an error reply that says what to do.
local function answered(body, ...)
  local done, answer = pcall(body, ...)
  if done then return answer end
  if type(answer) == 'table' and answer.err then return {err = answer.err} end
  return {err = 'CLAMEUR ' .. tostring(answer)}
end

local function register(name, least, most, arguments, body)
  redis.register_function{function_name = name, flags = {'no-writes'}, callback = function(keys, argv)
    return answered(function()
      if #argv < least or #argv > most or #keys > 1 then
        error('usage: FCALL_RO ' .. name .. ' 0|1 [KEY]' .. (arguments ~= '' and ' ' or '') .. arguments, 0)
      end
      given_not_empty(argv, least)
      return body(space_find(keys), argv)
    end)
  end}
end

register('clameur_account', 1, 2, 'ACCOUNT [PLATFORM]', counters('acct'))
register('clameur_content', 3, 3, 'ACCOUNT PLATFORM CONTENT', counters('content'))
register('clameur_campaign', 2, 2, 'ACCOUNT CAMPAIGN', counters('campaign'))
register('clameur_tag', 3, 3, 'ACCOUNT PLATFORM TAG', counters('tag'))
register('clameur_live', 2, 2, 'ACCOUNT SESSION', live)
register('clameur_series', 4, 64, 'ACCOUNT PLATFORM SINCE UNTIL [COUNTER...]', series)
register('clameur_top', 4, 5, 'ACCOUNT PLATFORM HOUR N [HOURS]', top)
register('clameur_reach', 3, 4, 'ACCOUNT PLATFORM DAY [TAG]', reach)
register('clameur_platforms', 0, 1000, '[PLATFORM...]', platforms)
register('clameur_marks', 0, 0, '', of_every_shard('mark'))
register('clameur_faults', 0, 0, '', of_every_shard('faults'))
register('clameur_key', 2, 5, 'FAMILY PART...', key_name)

redis.register_function{function_name = 'clameur_audit', flags = {'no-writes'}, callback = function(keys)
  return answered(audit, keys)
end}
