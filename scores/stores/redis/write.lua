-- A batch of writes of one writer, in order, each answered; applied once, however often it is sent.
-- KEYS: the writer's memory of its last batch, a key that never exists: while the slot is being moved,
-- Redis then refuses the whole script (TRYAGAIN) instead of letting it see half of its keys; and the journal.
-- ARGV: the batch's number, seconds to remember it, then the operations, each a name and its arguments.
-- Rule: an operation reads and decides first, and what it writes then cannot be refused.

local seen = redis.call('GET', KEYS[1])
if seen then
  local number, answers = unpack(cmsgpack.unpack(seen))
  if number == ARGV[1] then
    redis.call('EXPIRE', KEYS[1], ARGV[2])
    return answers
  elseif tonumber(number) > tonumber(ARGV[1]) then
    return redis.error_reply('STALE batch ' .. ARGV[1] .. ' came after ' .. number)
  end
end

-- The journal: a stream of what is recorded, kept while somebody listens. An entry has the events of a batch, its
-- id (epoch-number) the number of the last. `:heard` lives as long as anybody listens, and says how many are kept.

local journal, happened = KEYS[3], {}
local heard = journal and redis.call('GET', journal .. ':heard')

local function happen(name, value)
  if heard then
    happened[#happened + 1] = name
    happened[#happened + 1] = value
  end
end

local function write_journal()
  local count = #happened / 2
  if count == 0 then
    return
  end
  local number = redis.call('HINCRBY', journal .. ':at', 'number', count)
  local epoch = redis.call('HGET', journal .. ':at', 'epoch')
  local oldest, id = epoch .. '-' .. math.max(number - heard, 0), epoch .. '-' .. number
  redis.call('XADD', journal, 'MINID', '~', oldest, id, unpack(happened))
end

-- Has what is recorded told for so many seconds more. A new epoch begins where something may be missing: when
-- nobody has listened, or when another server answers (`run`), which may have lost what was told. Answers with
-- the epoch and the number of its last event.
local function listen(run, seconds, history)
  local at = journal .. ':at'
  local epoch, number, known = unpack(redis.call('HMGET', at, 'epoch', 'number', 'run'))
  if not heard or known ~= run then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    epoch, number = string.format('%.0f', math.max(now, tonumber(epoch or 0) + 1)), 0
    redis.call('DEL', journal)
    redis.call('HSET', at, 'epoch', epoch, 'number', 0, 'run', run)
  end
  heard = history
  redis.call('SET', journal .. ':heard', history, 'EX', seconds)
  return { epoch, tonumber(number) }
end

-- Inspectors: one integer each, count * 2^33 + sum, in hashes that are chosen by the UUID's digest.

local ONE = 8589934592
local EXACT = 9007199254740992
local AT_ONCE = 500

local function add(key, uuid, increment)
  local packed = redis.pcall('HINCRBY', key, uuid, increment)
  if type(packed) == 'table' then
    return { 'refused', packed.err }
  end
  if packed < 2 * ONE then
    local base, bucket = string.match(key, '^(.*)inspectors:(%d+)$')
    redis.call('HINCRBY', base .. 'counts', 'inspectors', 1)
    redis.call('SETBIT', base .. 'inspectors', bucket, 1)
  elseif packed >= EXACT then
    packed = redis.call('HGET', key, uuid)
  end
  if heard then
    happen(uuid, type(packed) == 'number' and string.format('%.0f', packed) or packed)
  end
  return packed
end

-- A slice of a bulk: two arrays of strings (JSON), and a byte for each score, as arguments of each score's own would take
-- time in Python, in Redis and here. Its answers are one for each score, as if each had come as an operation of its own.
local answers = {}
local GIVEN = { [0] = '8589934592', '8589934593', '8589934594', '8589934595', '8589934596', '8589934597' }

local function add_all(keys, uuids, scores)
  local at = #answers
  keys, uuids = cjson.decode(keys), cjson.decode(uuids)
  for n = 1, #scores do
    answers[at + n] = add(keys[n], uuids[n], GIVEN[string.byte(scores, n)])
  end
end

-- Marks: what makes a score safe to send again. One is its body (16 bytes), and after it what the score was answered
-- with; without that it is a claim, which says only whose the key is (in a cluster, in the slot of the key).

local BODY = 16

-- What there is to say of a key that is known; nothing when it is new, or claimed by this body.
local function recalled(name, body)
  local seen = redis.pcall('GET', name)
  if type(seen) == 'table' then
    return { 'refused', seen.err }
  elseif seen and string.sub(seen, 1, BODY) ~= body then
    return { 'reused' }
  elseif seen and #seen > BODY then
    return { 'again', string.sub(seen, BODY + 1) }
  end
end

local function claim(base, key, body, milliseconds)
  local name = base .. 'mark:' .. key
  local known = recalled(name, body)
  if not known then
    redis.call('SET', name, body, 'PX', milliseconds)
  end
  return known or 'claimed'
end

local function add_once(inspectors, uuid, increment, mark_base, key, body, milliseconds)
  local name = mark_base .. 'mark:' .. key
  local known = recalled(name, body)
  if known then
    return known
  end
  local packed = add(inspectors, uuid, increment)
  if type(packed) ~= 'table' then
    local text = type(packed) == 'number' and string.format('%.0f', packed) or packed
    redis.call('SET', name, body .. text, 'PX', milliseconds)
  end
  return packed
end

-- Puts an inspector as it was in another store in the place of what is there.
local function restore(base, bucket, uuid, packed)
  local new = redis.pcall('HSET', base .. 'inspectors:' .. bucket, uuid, packed)
  if type(new) == 'table' then
    return { 'refused', new.err }
  end
  if new == 1 then
    redis.call('HINCRBY', base .. 'counts', 'inspectors', 1)
    redis.call('SETBIT', base .. 'inspectors', bucket, 1)
  end
  return 'ok'
end

local function remove_inspector(base, bucket, uuid)
  local key = base .. 'inspectors:' .. bucket
  local removed = redis.call('HDEL', key, uuid)
  if removed == 1 then
    redis.call('HINCRBY', base .. 'counts', 'inspectors', -1)
    redis.call('SETBIT', base .. 'inspectors', bucket, redis.call('EXISTS', key))
  end
  return removed
end

-- Results: each is in its student's view and in its exam's, and in the exact total of both.

local function set_total(base, view, owner, change)
  local known, total = update(sorted_map(base, view .. 's'), owner, change)
  if not known ~= not total then
    redis.call('HINCRBY', base .. 'counts', view .. 's', total and 1 or -1)
  end
end

-- Gives a result the score that `decide` makes of its old one; false takes it out.
local function set_result(base, view, owner, key, decide)
  local old, new = update(sorted_map(base, view, owner), key, decide)
  if new ~= (old or false) then
    set_total(base, view, owner, function(total) return change_total(total, old, new) end)
  end
  return old, new
end

local function to(value)
  return function() return value end
end

local function kept(old, new, repeats)
  if not old or repeats == 'last' then
    return new
  elseif repeats == 'max' then
    return tonumber(new) > tonumber(old) and new or old
  elseif repeats == 'min' then
    return tonumber(new) < tonumber(old) and new or old
  end
  return old
end

-- Whoever reads a feed has a token; one with an older token has been replaced, and may not write any more.
local function fenced(base, feed, token)
  if token == '0' then
    return false
  end
  local newest = tonumber(redis.call('HGET', base .. 'fence', feed) or 0)
  if newest < tonumber(token) then
    redis.call('HSET', base .. 'fence', feed, token)
  end
  return newest > tonumber(token)
end

-- Records in the student's view; says what happened, and what the exam's view must become.
local function record_student(base, student, exam, score, repeats, feed, token)
  if fenced(base, feed, token) then
    return 'fenced'
  end
  local old, new = set_result(base, 'student', student, exam, function(old)
    return kept(old, score, repeats)
  end)
  return not old and 'new' or new == score and 'replaced' or 'kept', new, old
end

local function record(base, exam_base, student, exam, ...)
  local outcome, new = record_student(base, student, exam, ...)
  if new then
    set_result(exam_base, 'exam', exam, student, to(new))
    if outcome ~= 'kept' then
      happen(student .. '\0' .. exam, new)
    end
  end
  return outcome
end

local function remove_result(base, exam_base, student, exam)
  if not set_result(base, 'student', student, exam, to(false)) then
    return 0
  end
  set_result(exam_base, 'exam', exam, student, to(false))
  return 1
end

-- Takes results out of the student's view, at most AT_ONCE so that Redis is not kept busy for long; what is to
-- be done for each exam is up to `each`. Answers with their number.
local function clear_student(base, student, each)
  local members = members_after(sorted_map(base, 'student', student), '', AT_ONCE)
  for _, member in ipairs(members) do
    local exam = key_of(member)
    set_result(base, 'student', student, exam, to(false))
    each(exam)
  end
  return #members
end

local function remove_student(base, student, prefix, tags)
  local bases = {}
  for tag in string.gmatch(tags, '%d+') do
    bases[#bases + 1] = prefix .. '{' .. tag .. '}:'
  end
  return clear_student(base, student, function(exam)
    local shard = tonumber(string.sub(redis.sha1hex(exam), 1, 8), 16) % #bases
    set_result(bases[shard + 1], 'exam', exam, student, to(false))
  end)
end

-- On a cluster the two views are in two slots: the student's is written first, with a note of what is to be
-- done in the other; the exam's is made the same; the note is taken away once both are seen to be equal.

local function note(base, student, exam, writer)
  redis.call('ZADD', base .. 'notes', redis.call('TIME')[1], writer .. '\0' .. student .. '\0' .. exam)
end

local function begin_record(base, writer, student, exam, ...)
  local outcome, new, old = record_student(base, student, exam, ...)
  if new ~= old then
    note(base, student, exam, writer)
  end
  return { outcome, new ~= old and new or '' }
end

local function begin_removal(base, writer, student, exam)
  local exams = {}
  local function noted(gone)
    note(base, student, gone, writer)
    exams[#exams + 1] = gone
  end
  if exam == '' then
    clear_student(base, student, noted)
  elseif set_result(base, 'student', student, exam, to(false)) then
    noted(exam)
  end
  return exams
end

local function mirror(base, student, exam, score)
  set_result(base, 'exam', exam, student, to(score ~= '' and score))
  if score ~= '' then
    happen(student .. '\0' .. exam, score)
  end
  return 'ok'
end

-- Answers with the score that the exam's view must be given once more, '' for none; 'settled' when it has it.
-- The note is taken away if it is `age` seconds old: nothing of its writer can then still be on its way.
local function settle(base, writer, student, exam, mirrored, age)
  local score = get(sorted_map(base, 'student', student), exam) or ''
  if score ~= mirrored then
    return { score }
  end
  local entry = writer .. '\0' .. student .. '\0' .. exam
  local since = redis.call('ZSCORE', base .. 'notes', entry)
  if since and redis.call('TIME')[1] - since >= tonumber(age) then
    redis.call('ZREM', base .. 'notes', entry)
  end
  return 'settled'
end

-- The right to read a feed: { 1, token, position } when `holder` has it now, { 0, token, position } when another has.
local function lease(key, holder, milliseconds, moved, position)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local has, token, expires, at, given = unpack(redis.call('HMGET', key, 'holder', 'token', 'expires', 'position', 'given'))
  local left = tonumber(expires or 0) - now
  -- More is left than was given where Redis' clock was set back: nobody has to wait until it has caught up.
  if has and has ~= holder and left > 0 and left <= tonumber(given or left) then
    return { 0, tonumber(token), at or '' }
  end
  if has ~= holder then
    -- The clock keeps tokens growing also when the lease was lost with its Redis' data, and shards' fences were not.
    token = math.max(tonumber(token or 0) + 1, now)
  end
  -- Only who has had it without a break knows how far the feed was read.
  at = has == holder and moved == '1' and position or at or ''
  redis.call('HSET', key, 'holder', holder, 'token', string.format('%.0f', token), 'expires', string.format('%.0f', now + milliseconds), 'given', string.format('%.0f', milliseconds), 'position', at)
  return { 1, tonumber(token), at }
end

local operations = {
  add = { add, 3 },
  add_all = { add_all, 3 },
  add_once = { add_once, 7 },
  claim = { claim, 4 },
  remove_inspector = { remove_inspector, 3 },
  restore = { restore, 4 },
  record = { record, 8 },
  remove_result = { remove_result, 4 },
  remove_student = { remove_student, 4 },
  begin_record = { begin_record, 8 },
  begin_removal = { begin_removal, 4 },
  mirror = { mirror, 4 },
  settle = { settle, 6 },
  lease = { lease, 5 },
  listen = { listen, 3 },
}

local at = 3
while at <= #ARGV do
  local operation, arity = unpack(operations[ARGV[at]])
  -- First the call, which may put in answers itself.
  local answer = operation(unpack(ARGV, at + 1, at + arity))
  answers[#answers + 1] = answer
  at = at + 1 + arity
end
-- What is recorded is recorded, and answered, whatever becomes of this.
pcall(write_journal)
redis.call('SET', KEYS[1], cmsgpack.pack({ ARGV[1], answers }), 'EX', ARGV[2])
return answers
