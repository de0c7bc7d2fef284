#!lua name=clameur_v1

-- The half of the worker that runs inside Redis: a flush is applied whole or not at all, and never twice.
--
-- What the arguments mean stands in ingest/flush.h. Every key is declared; integers travel as text straight to HINCRBY, because
-- Lua's numbers lose the last digits above 2^53.

local META, MARK, FAULTS, RULES = 1, 2, 3, 4
local MARK_ARGUMENTS = 7     -- partition, epoch, from, to, last, fingerprint, time
local PFADD_CHUNK = 1000     -- elements in one PFADD: below Lua's limit of unpack
local RANK = 48              -- length of an order's rank
local TRIM_SAMPLE = 16       -- entries of orders looked at for trimming, per order key and flush
local TRIM_MS = 96 * 3600000 -- age beyond which an order's entry is trimmed

-- Where a partition without a mark starts: what init recorded, or 0 for one that was added later. Never a guess.
local function recorded_start(keys, partition)
  local fields = redis.call('HMGET', keys[META], 'partitions', 'starts')
  if tonumber(partition) >= tonumber(fields[1]) then return '0' end
  local index = 0
  for start in string.gmatch(fields[2], '%d+') do
    if index == tonumber(partition) then return start end
    index = index + 1
  end
  error('meta names no start of partition ' .. partition, 0)
end

local function mark_text(epoch, next_offset, last, fingerprint, time)
  return string.format('%s %s %s %s %s', epoch, next_offset, last, fingerprint, time)
end

local function mark_match(text) return string.match(text, '^(%d+) (%d+) (%-?%d+) (%x+) (%-?%d+)$') end

-- A missing mark is the recorded start: also under a worker whose claim a restored dump has taken back.
local function mark_read(keys, partition)
  local text = redis.call('HGET', keys[MARK], partition)
  if not text then
    return {epoch = '0', next = recorded_start(keys, partition), last = '-1', fingerprint = '0000000000000000', time = '0'}
  end
  local epoch, next_offset, last, fingerprint, time = mark_match(text)
  if not epoch then error('the mark of partition ' .. partition .. ' is malformed: ' .. text, 0) end
  return {epoch = epoch, next = next_offset, last = last, fingerprint = fingerprint, time = time}
end

local function initialised(keys, deployment)
  return redis.call('HGET', keys[META], 'deployment') == deployment
end

local function failed(reply) return type(reply) == 'table' and reply.err ~= nil end

-- What could not be applied is kept, never lost: the sum of the deltas and what Redis said last. A sum that overflows goes on in a
-- further field, numbered; what is no integer (the opposite of the least one) gets one for itself.
local function fault(keys, key, field, delta, reply)
  local name, number = cjson.encode({key, field}), 0
  while failed(redis.pcall('HINCRBY', keys[FAULTS], name, delta)) do
    number = number + 1
    name = cjson.encode({key, field, tostring(number)})
    if not redis.call('HGET', keys[FAULTS], name) then
      redis.call('HSET', keys[FAULTS], name, delta)
      break
    end
  end
  redis.pcall('HSET', keys[FAULTS], cjson.encode({key, field, 'error'}), tostring(reply.err))
end

local function increment(keys, key, field, delta)
  local reply = redis.pcall('HINCRBY', key, field, delta)
  if failed(reply) then fault(keys, key, field, delta, reply) return 1 end
  return 0
end

local function score(keys, key, member, delta)
  local reply = redis.pcall('ZINCRBY', key, delta, member)
  if failed(reply) then fault(keys, key, member, delta, reply) return 1 end
  return 0
end

-- The latest expiry holds, whatever order the flushes come in. A time that has passed deletes the key, as it should.
local function expire(key, at)
  if at == '0' then return end
  redis.pcall('EXPIREAT', key, at, 'NX')
  redis.pcall('EXPIREAT', key, at, 'GT')
end

-- Is the hexadecimal text `a` greater than `b`, of the same length? Lua's own comparison goes by the server's locale.
local function hex_after(a, b)
  for i = 1, #a, 8 do
    local x, y = tonumber(string.sub(a, i, i + 7), 16), tonumber(string.sub(b, i, i + 7), 16)
    if x ~= y then return x > y end
  end
  return false
end

-- The same for decimal texts without sign or leading zeros, of any length: as numbers they lose the last digits above 2^53.
local function decimal_after(a, b)
  if #a ~= #b then return #a > #b end
  return hex_after(a, b)
end

local function negated(delta)
  if string.sub(delta, 1, 1) == '-' then return string.sub(delta, 2) end
  return '-' .. delta
end

-- One increment of an order, which may be taken back later.
local function step(keys, code, key, at, field, delta)
  local faults
  if code == 'Z' then faults = score(keys, key, field, delta) else faults = increment(keys, key, field, delta) end
  expire(key, at)
  return faults
end

-- The operations. Each takes the cursor behind its code and returns the cursor behind itself; with `apply` false it only reads, so
-- that everything is understood before anything is written. The count of faults is kept in `state`.

local function count_at(argv, at)
  local count = tonumber(argv[at])
  if not count or count < 0 or count == math.huge or count ~= math.floor(count) then
    error('argument ' .. at .. ' is not a count', 0)
  end
  return count
end

local function key_at(state, at)
  local number = tonumber(state.argv[at])
  local key = number and number > RULES and state.keys[number]
  if not key then error('argument ' .. at .. ' is not the number of a key', 0) end
  return key
end

local function integer_check(argv, at)
  if not argv[at] or not string.find(argv[at], '^%-?%d+$') then error('argument ' .. at .. ' is not an integer', 0) end
end

local function pairs_operation(write)
  return function(state, at, apply)
    local argv = state.argv
    local key, expires, count = key_at(state, at), argv[at + 1], count_at(argv, at + 2)
    local stop = at + 3 + 2 * count
    if not apply then
      integer_check(argv, at + 1)
      for i = at + 4, stop - 1, 2 do integer_check(argv, i) end
      return stop
    end
    local keys, faults = state.keys, 0
    for i = at + 3, stop - 1, 2 do faults = faults + write(keys, key, argv[i], argv[i + 1]) end
    state.faults = state.faults + faults
    expire(key, expires)
    return stop
  end
end

-- Are argv[first .. last] integers, every one? One match for all of them costs a fraction of one each.
local function integers_check(argv, first, last)
  if last < first then return end
  local rest, count = string.gsub(' ' .. table.concat(argv, ' ', first, last), ' %-?%d+', '')
  if rest ~= '' or count ~= last - first + 1 then
    for i = first, last do integer_check(argv, i) end
    error('arguments ' .. first .. ' to ' .. last .. ' are not integers', 0)
  end
end

-- first key, number of keys, number of fields, they, the deltas key by key: keys of consecutive numbers that move the same fields
local function grid_operation(state, at, apply)
  local argv, keys = state.argv, state.keys
  local first, count, width = count_at(argv, at), count_at(argv, at + 1), count_at(argv, at + 2)
  local last_field = at + 2 + width
  local stop = last_field + 1 + count * width
  if not apply then
    if first <= RULES or first + count - 1 > #keys then error('argument ' .. at .. ' is not the number of a key', 0) end
    if stop > #argv + 1 then error('the last operation is cut short', 0) end
    integers_check(argv, last_field + 1, stop - 1)
    return stop
  end
  local redis_pcall, i = redis.pcall, last_field
  for number = first, first + count - 1 do
    local key = keys[number]
    for f = at + 3, last_field do
      i = i + 1
      local reply = redis_pcall('HINCRBY', key, argv[f], argv[i])
      if failed(reply) then
        fault(keys, key, argv[f], argv[i], reply)
        state.faults = state.faults + 1
      end
    end
  end
  return stop
end

local function elements_operation(state, at, apply)
  local argv = state.argv
  local key, expires, count = key_at(state, at), argv[at + 1], count_at(argv, at + 2)
  local stop = at + 3 + count
  if not apply then
    integer_check(argv, at + 1)
    return stop
  end
  for first = at + 3, stop - 1, PFADD_CHUNK do
    local last = math.min(first + PFADD_CHUNK, stop) - 1
    local reply = redis.pcall('PFADD', key, unpack(argv, first, last))
    if failed(reply) then
      fault(state.keys, key, 'pfadd', tostring(last - first + 1), reply)
      state.faults = state.faults + 1
    end
  end
  expire(key, expires)
  return stop
end

-- key, counter, value, read at, event id, number of totals, their keys
local function reading_operation(state, at, apply)
  local argv, keys = state.argv, state.keys
  local key, name, value, read_at, id = key_at(state, at), argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4]
  local totals = count_at(argv, at + 5)
  local stop = at + 6 + totals
  if not apply then
    integer_check(argv, at + 2)
    integer_check(argv, at + 3)
    for i = at + 6, stop - 1 do key_at(state, i) end
    return stop
  end
  local field = name .. '.read'
  local old = redis.pcall('HMGET', key, field, field .. '_at', field .. '_id')
  if failed(old) then
    fault(keys, key, field, value, old)
    state.faults = state.faults + 1
    return stop
  end
  local old_at = old[2]
  if old_at and (decimal_after(old_at, read_at) or (old_at == read_at and not hex_after(id, old[3]))) then return stop end
  redis.pcall('HSET', key, field, value, field .. '_at', read_at, field .. '_id', id)
  for i = at + 6, stop - 1 do
    local total = key_at(state, i)
    state.faults = state.faults + increment(keys, total, field, value)
    if old[1] and old[1] ~= '0' then state.faults = state.faults + increment(keys, total, field, negated(old[1])) end
  end
  return stop
end

local function copies(state, list)
  for _, key in ipairs(list) do
    state.faults = state.faults + increment(state.keys, key, 'order_copies', '1')
  end
end

-- Redis keeps with an order what it did, so that an earlier copy can take it back: keys without their prefix and tag.
local function order_pack(state, order)
  local skip = #state.prefix + 1
  local kept = {{}, {}}
  for _, key in ipairs(order.copy_keys) do table.insert(kept[1], string.sub(key, skip)) end
  for _, s in ipairs(order.steps) do
    table.insert(kept[2], {s[1], string.sub(s[2], skip), s[3], s[4], s[5]})
  end
  return order.rank .. ' ' .. cmsgpack.pack(kept)
end

-- An order's entry, as it was found or as this call has made it since.
local function entry_read(state, order)
  local name = order.hash .. order.key
  if state.entries[name] == nil then state.entries[name] = redis.pcall('HGET', order.key, order.hash) end
  return state.entries[name]
end

local function precedes(order, stored) return hex_after(string.sub(stored, 1, RANK), order.rank) end

local function entry_keys(state, stored)
  local kept, keys = cmsgpack.unpack(string.sub(stored, RANK + 2)), {}
  for _, s in ipairs(kept[2]) do table.insert(keys, state.prefix .. s[2]) end
  for _, suffix in ipairs(kept[1]) do table.insert(keys, state.prefix .. suffix) end
  return keys
end

local function set_of(list)
  local set = {}
  for _, member in ipairs(list) do set[member] = true end
  return set
end

-- What is taken back lies in keys that this call may not have declared. Of a slot on the move they may be at the other node, and a
-- fresh one here would split the counter: so they are asked for, before anything is written. nil where none is missing.
local function keys_missing(state)
  local answer, declared = {'KEYS'}
  for _, order in ipairs(state.found) do
    local stored = entry_read(state, order)
    if type(stored) == 'string' and precedes(order, stored) then
      local read, keys = pcall(entry_keys, state, stored)
      declared = declared or set_of(state.keys)
      for _, key in ipairs(read and keys or {}) do
        if not declared[key] then table.insert(answer, key) end
        declared[key] = true
      end
    end
  end
  if #answer > 1 then return answer end
  return nil
end

local function order_take_back(state, stored)
  local kept = cmsgpack.unpack(string.sub(stored, RANK + 2))
  for _, s in ipairs(kept[2]) do
    state.faults = state.faults + step(state.keys, s[1], state.prefix .. s[2], s[3], s[4], negated(s[5]))
  end
  local keys = {}
  for _, suffix in ipairs(kept[1]) do table.insert(keys, state.prefix .. suffix) end
  copies(state, keys)
end

local function order_make(state, order)
  for _, s in ipairs(order.steps) do
    state.faults = state.faults + step(state.keys, s[1], s[2], s[3], s[4], s[5])
  end
end

local function order_apply(state, order)
  local stored = entry_read(state, order)
  if failed(stored) then
    fault(state.keys, order.key, order.hash, '1', stored)
    state.faults = state.faults + 1
    order_make(state, order)
    return
  end
  if stored and not precedes(order, stored) then
    copies(state, order.copy_keys)
    return
  end
  if stored then order_take_back(state, stored) end
  order_make(state, order)
  local entry = order_pack(state, order)
  redis.pcall('HSET', order.key, order.hash, entry)
  state.entries[order.hash .. order.key] = entry
  state.orders[order.key] = true
end

-- key, hash, rank, number of copy keys, they, number of steps, each: code, key, expiry, field, delta
local function order_operation(state, at, apply)
  local argv = state.argv
  local order = {key = key_at(state, at), hash = argv[at + 1], rank = argv[at + 2], copy_keys = {}, steps = {}}
  if not order.rank or #order.rank ~= RANK then error('argument ' .. (at + 2) .. ' is not a rank', 0) end
  local copy_count = count_at(argv, at + 3)
  at = at + 4
  for i = at, at + copy_count - 1 do table.insert(order.copy_keys, key_at(state, i)) end
  at = at + copy_count
  local step_count = count_at(argv, at)
  at = at + 1
  for i = at, at + 5 * step_count - 1, 5 do
    if not apply then
      if argv[i] ~= 'H' and argv[i] ~= 'Z' then error('argument ' .. i .. ' is not a step', 0) end
      integer_check(argv, i + 2)
      integer_check(argv, i + 4)
    end
    table.insert(order.steps, {argv[i], key_at(state, i + 1), argv[i + 2], argv[i + 3], argv[i + 4]})
  end
  if apply then order_apply(state, order) else table.insert(state.found, order) end
  return at + 5 * step_count
end

local operations = {
  G = grid_operation,
  H = pairs_operation(increment),
  Z = pairs_operation(score),
  P = elements_operation,
  R = reading_operation,
  O = order_operation,
}

-- Where each operation begins; every argument has been understood when this returns.
local function operations_find(state, at)
  local starts, stop = {}, #state.argv
  while at <= stop do
    local operation = operations[state.argv[at]]
    if not operation then error('argument ' .. at .. ' is not an operation', 0) end
    table.insert(starts, at)
    at = operation(state, at + 1, false)
  end
  if at ~= stop + 1 then error('the last operation is cut short', 0) end
  return starts
end

-- From here on nothing may stop the flush half way: what goes wrong is a fault.
local function operations_apply(state, starts)
  for _, at in ipairs(starts) do
    local done, why = pcall(operations[state.argv[at]], state, at + 1, true)
    if not done then
      fault(state.keys, state.keys[tonumber(state.argv[at + 1])], 'operation ' .. state.argv[at], '1',
            {err = type(why) == 'table' and why.err or why})
      state.faults = state.faults + 1
    end
  end
end

-- An order's entry is of use only while a copy in time may still come: until every partition has passed 96 h beyond it. One that nobody
-- has claimed yet has not.
local function trim(state)
  if next(state.orders) == nil then return end
  local marks, lowest = redis.call('HGETALL', state.keys[MARK])
  local partitions = tonumber(redis.call('HGET', state.keys[META], 'partitions'))
  local unmarked = partitions
  for i = 1, #marks, 2 do
    local time = tonumber(string.match(marks[i + 1], '(%-?%d+)$'))
    if not lowest or time < lowest then lowest = time end
    if tonumber(marks[i]) < partitions then unmarked = unmarked - 1 end
  end
  if unmarked > 0 then return end
  for key in pairs(state.orders) do
    local sample = redis.call('HRANDFIELD', key, TRIM_SAMPLE, 'WITHVALUES')
    for i = 1, #sample, 2 do
      if tonumber(string.sub(sample[i + 1], 1, 16)) < lowest - TRIM_MS then redis.call('HDEL', key, sample[i]) end
    end
  end
end

-- number of marks, each: partition, epoch, from, to, last, fingerprint, time
local function marks_read(keys, argv, count_position)
  local marks = {}
  for i = 1, count_at(argv, count_position) do
    local at = count_position + 1 + (i - 1) * MARK_ARGUMENTS
    local m = {partition = argv[at], epoch = argv[at + 1], from = argv[at + 2], to = argv[at + 3], last = argv[at + 4],
               fingerprint = argv[at + 5], time = argv[at + 6]}
    if not m.time then error('the marks are cut short', 0) end
    integer_check(argv, at)
    integer_check(argv, at + 2)
    if not mark_match(mark_text(m.epoch, m.to, m.last, m.fingerprint, m.time)) then
      error('the mark of partition ' .. m.partition .. ' is malformed', 0)
    end
    m.stored = mark_read(keys, m.partition)
    marks[i] = m
  end
  return marks
end

-- nil where the flush may be applied, else the answer.
local function marks_judge(marks)
  local fenced, gaps, repeated = {'FENCED'}, {'GAP'}, true
  for _, m in ipairs(marks) do
    if tonumber(m.stored.epoch) > tonumber(m.epoch) then table.insert(fenced, m.partition) end
    if m.stored.next ~= m.to then repeated = false end
    if m.stored.next ~= m.from then
      table.insert(gaps, m.partition)
      table.insert(gaps, m.stored.next)
    end
  end
  if #fenced > 1 then return fenced end
  if repeated then return {'REPEATED'} end
  if #gaps > 1 then return gaps end
  return nil
end

local function marks_write(keys, marks)
  for _, m in ipairs(marks) do
    local moved = m.last ~= '-1' and m.to ~= m.from -- over transaction markers alone a mark moves without a record
    local record = moved and m or m.stored
    redis.call('HSET', keys[MARK], m.partition, mark_text(m.epoch, m.to, record.last, record.fingerprint, record.time))
  end
end

-- Is the shard still counted by the caller's versions and pseudonym keys? Else another worker has appended one, or a restored dump
-- has lost one: the caller claims, which decides. at: number of versions, the last one's text, the same of the keys.
local function rules_hold(keys, argv, at)
  local version, text, key, key_text = argv[at], argv[at + 1], argv[at + 2], argv[at + 3]
  if redis.call('HLEN', keys[RULES]) ~= tonumber(version) + tonumber(key) then return false end
  return redis.call('HGET', keys[RULES], version) == text and redis.call('HGET', keys[RULES], 'key:' .. key) == key_text
end

-- number of versions, each: number (of a pseudonym key: key:number), text. The versions, and the cursor behind them.
local function rules_read(argv, at)
  local versions, count = {}, count_at(argv, at)
  local stop = at + 1 + 2 * count
  for i = at + 1, stop - 1, 2 do
    local since = argv[i + 1] and string.match(argv[i + 1], '^(%d+) %x+$')
    if not since or not string.find(argv[i], '^%d+$') and not string.find(argv[i], '^key:%d+$') then
      error('argument ' .. i .. ' is not a version of the rules', 0)
    end
    table.insert(versions, {number = argv[i], text = argv[i + 1], since = since})
  end
  return versions, stop
end

local function newest_mark(keys)
  local newest = '-1'
  for _, text in ipairs(redis.call('HVALS', keys[MARK])) do
    local _, _, last, _, time = mark_match(text)
    if not last then error('a mark is malformed: ' .. text, 0) end
    if last ~= '-1' and tonumber(time) > tonumber(newest) then newest = time end
  end
  return newest
end

-- What a record counts for is decided by the version in force at its time, on the first read and on every other. So what this shard
-- has been counted by stays, and what is new lies ahead of all that it holds. nil and the versions that are new, else the answer.
local function rules_judge(keys, versions)
  local fields, newest = redis.call('HGETALL', keys[RULES]), newest_mark(keys)
  local stored, fresh, given, begun = {}, {}, {}, {}
  for i = 1, #fields, 2 do
    stored[fields[i]] = fields[i + 1]
    begun[string.match(fields[i], '^%D*')] = true -- the rules, the keys
  end
  local function refused(how, number, since) return {'RULES', how, number, since, newest} end
  for _, version in ipairs(versions) do
    local number, text = version.number, stored[version.number]
    given[number] = true
    if text and text ~= version.text then return refused('ALTERED', number, string.match(text, '^%d*')) end
    if not text then
      local series, count = string.match(number, '^(%D*)(%d+)$')
      local first = count == '1' and not begun[series]
      if not first and tonumber(version.since) <= tonumber(newest) then return refused('LATE', number, version.since) end
      table.insert(fresh, version)
    end
  end
  for i = 1, #fields, 2 do
    if not given[fields[i]] then return refused('MISSING', fields[i], string.match(fields[i + 1], '^%d*')) end
  end
  return nil, fresh
end

-- A command that this user may not run would fail in the middle: it is asked for ahead. (Keys are checked when the call is let in.)
-- What follows the key is counted: Redis 8 asks for as many words as the command takes.
local COMMANDS = {{'EXPIREAT', 1}, {'HDEL', 1}, {'HGET', 1}, {'HGETALL', 0}, {'HINCRBY', 2}, {'HLEN', 0}, {'HMGET', 1},
                  {'HRANDFIELD', 0}, {'HSET', 2}, {'HVALS', 0}, {'PFADD', 1}, {'ZINCRBY', 2}}
local WORDS = {'0', '0'}

local function permit(keys)
  for _, command in ipairs(COMMANDS) do
    local name, words = command[1], command[2]
    if not redis.acl_check_cmd(name, keys[MARK], unpack(WORDS, 1, words)) then
      error({err = 'NOPERM this user may not run ' .. string.lower(name) .. ', which a worker needs'})
    end
  end
end

-- The marks are written first: whatever forbids writing (a replica, a full disk) stops here, with nothing applied.
local function flush(keys, argv)
  permit(keys)
  if not initialised(keys, argv[1]) then return {'UNINITIALISED'} end
  redis.call('HGET', keys[FAULTS], '') -- no hash: what fails could not be kept
  local marks = marks_read(keys, argv, 6)
  local first = 7 + #marks * MARK_ARGUMENTS
  local prefix = string.sub(keys[MARK], 1, -5)
  local state = {keys = keys, argv = argv, prefix = prefix, faults = 0, orders = {}, found = {}, entries = {}}
  local starts = operations_find(state, first)
  local answer = marks_judge(marks)
  if answer then return answer end
  if not rules_hold(keys, argv, 2) then return {'RULES'} end
  answer = keys_missing(state)
  if answer then return answer end
  marks_write(keys, marks)
  operations_apply(state, starts)
  pcall(trim, state)
  return {'APPLIED', tostring(state.faults)}
end

-- deployment, rules, partition...: raises each epoch and answers, flat: partition, epoch, next, last, fingerprint, time.
local function claim(keys, argv)
  permit(keys)
  if not initialised(keys, argv[1]) then return {'UNINITIALISED'} end
  local versions, first = rules_read(argv, 2)
  for i = first, #argv do integer_check(argv, i) end
  local refusal, fresh = rules_judge(keys, versions)
  if refusal then return refusal end
  for _, version in ipairs(fresh) do redis.call('HSET', keys[RULES], version.number, version.text) end
  local answer = {'CLAIMED'}
  for i = first, #argv do
    local partition = argv[i]
    local mark = mark_read(keys, partition)
    mark.epoch = string.format('%.0f', tonumber(mark.epoch) + 1)
    redis.call('HSET', keys[MARK], partition, mark_text(mark.epoch, mark.next, mark.last, mark.fingerprint, mark.time))
    for _, field in ipairs({partition, mark.epoch, mark.next, mark.last, mark.fingerprint, mark.time}) do
      table.insert(answer, field)
    end
  end
  return answer
end

-- deployment, rules: would a claim be refused? Writes nothing.
local function rules(keys, argv)
  permit(keys)
  if not initialised(keys, argv[1]) then return {'UNINITIALISED'} end
  return (rules_judge(keys, (rules_read(argv, 2)))) or {'CLAIMED'}
end

-- An error is an error reply, Redis' own (READONLY, OOM...) word for word: nothing had been written by then.
local function guarded(body)
  return function(keys, argv)
    local done, answer = pcall(body, keys, argv)
    if done then return answer end
    local text = type(answer) == 'table' and answer.err or tostring(answer)
    if string.find(text, '^%u+ ') then return {err = text} end
    return {err = 'CLAMEUR ' .. text}
  end
end

redis.register_function('clameur_flush_v1', guarded(flush))
redis.register_function('clameur_claim_v1', guarded(claim))
redis.register_function{function_name = 'clameur_rules_v1', callback = guarded(rules), flags = {'no-writes'}}
