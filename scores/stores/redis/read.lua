-- A batch of reads, each answered. KEYS: a key that never exists, as in the writes.
-- ARGV: for each read its name, the number of its arguments, and these.

local function inspector(base, bucket, uuid)
  return redis.call('HGET', base .. 'inspectors:' .. bucket, uuid)
end

-- A student or an exam: its total, and its results after a position or those with the keys that are named.
local function report(base, view, owner, after, count, ...)
  local total = get(sorted_map(base, view .. 's'), owner)
  if not total then
    return false
  end
  local results = sorted_map(base, view, owner)
  if select('#', ...) == 0 then
    return { total, members_after(results, after, tonumber(count)) }
  end
  local found = {}
  for _, key in ipairs({ ... }) do
    found[#found + 1] = member_in(leaf_at(results, lowest_key(results, key)), key)
  end
  return { total, found }
end

local function counted(kind, bases)
  local count = 0
  for _, base in ipairs(bases) do
    count = count + tonumber(redis.call('HGET', base .. 'counts', kind) or 0)
  end
  return count
end

local function used_buckets(base, first)
  local bits, numbers = redis.call('GET', base .. 'inspectors') or '', {}
  for at = math.floor(first / 8), #bits - 1 do
    local byte = string.byte(bits, at + 1)
    for bit = 0, byte == 0 and -1 or 7 do
      if at * 8 + bit >= first and math.floor(byte / 2 ^ (7 - bit)) % 2 == 1 then
        numbers[#numbers + 1] = at * 8 + bit
      end
    end
  end
  return numbers
end

-- How many there are in all shards, and whole buckets: the one at the position, and on from there until
-- there are `count` items.
local function inspectors(shard, bucket, count, ...)
  local bases, buckets = { ... }, {}
  local first, missing = tonumber(bucket), tonumber(count)
  for at = tonumber(shard), #bases do
    for _, number in ipairs(missing > 0 and used_buckets(bases[at], first) or {}) do
      if missing > 0 then
        buckets[#buckets + 1] = redis.call('HGETALL', bases[at] .. 'inspectors:' .. number)
        if number ~= tonumber(bucket) or at ~= tonumber(shard) then
          missing = missing - #buckets[#buckets] / 2
        end
      end
    end
    first = 0
  end
  return { counted('inspectors', bases), buckets }
end

-- How many there are in all shards, and the students after a position, in the order of shards and then of ids.
local function students(shard, after, count, ...)
  local bases, found = { ... }, {}
  for at = tonumber(shard), #bases do
    local map = sorted_map(bases[at], 'students')
    for _, member in ipairs(members_after(map, after, tonumber(count) - #found)) do
      found[#found + 1] = member
    end
    after = ''
  end
  return { counted('students', bases), found }
end

-- How many there are in all shards, and of each shard the exams after a position, at most `count`.
local function exams(after, count, ...)
  local bases, found = { ... }, {}
  for at, base in ipairs(bases) do
    found[at] = members_after(sorted_map(base, 'exams'), after, tonumber(count))
  end
  return { counted('exams', bases), found }
end

-- What was noted longer ago than `seconds`, and has not been settled.
local function notes(base, seconds, from, count)
  return redis.call('ZRANGEBYSCORE', base .. 'notes', '-inf', redis.call('TIME')[1] - seconds, 'LIMIT', from, count)
end

-- Where the journal is, and what follows an event in it: at most `count` entries, the first maybe from before.
local function events(base, after, count)
  local journal = base .. 'events'
  local epoch, number = unpack(redis.call('HMGET', journal .. ':at', 'epoch', 'number'))
  return { epoch or '', tonumber(number or 0), redis.call('XRANGE', journal, '(' .. after, '+', 'COUNT', count) }
end

local reads = { inspector = inspector, report = report, inspectors = inspectors, students = students, exams = exams, notes = notes, events = events }

local answers, at = {}, 1
while at <= #ARGV do
  local last = at + 1 + ARGV[at + 1]
  answers[#answers + 1] = reads[ARGV[at]](unpack(ARGV, at + 2, last))
  at = last + 1
end
return answers
