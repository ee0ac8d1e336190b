-- A sorted map from key to value, in byte order, cut in leaves, so that no key of Redis grows with it.
-- A leaf is a sorted set of at most LEAF members "key\0value", all with score 0. The first is at `root`;
-- each further one has its lowest key in the sorted set `leaves`, and is at `leaf` .. that key.
-- Keys hold no control characters, so "key\0" … "key\1" is that key's member and nothing else.

local LEAF = 128

local function sorted_map(base, kind, owner)
  local id = owner and ':' .. owner or ''
  return { root = base .. kind .. id, leaves = base .. kind .. '/leaves' .. id, leaf = base .. kind .. '/leaf' .. id .. '\31' }
end

local function lowest_key(map, key)
  return redis.call('ZREVRANGEBYLEX', map.leaves, '[' .. key, '-', 'LIMIT', 0, 1)[1]
end

local function leaf_at(map, lowest)
  return lowest and map.leaf .. lowest or map.root
end

local function member_in(leaf, key)
  return redis.call('ZRANGEBYLEX', leaf, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, 1)[1]
end

local function key_of(member)
  return string.sub(member, 1, string.find(member, '\0', 1, true) - 1)
end

local function value_of(member)
  return string.sub(member, string.find(member, '\0', 1, true) + 1)
end

local function get(map, key)
  local member = member_in(leaf_at(map, lowest_key(map, key)), key)
  return member and value_of(member)
end

local function split(map, leaf)
  local upper = redis.call('ZRANGE', leaf, LEAF / 2, -1)
  local lowest = key_of(upper[1])
  for _, member in ipairs(upper) do
    redis.call('ZADD', map.leaf .. lowest, 0, member)
  end
  redis.call('ZREMRANGEBYRANK', leaf, LEAF / 2, -1)
  redis.call('ZADD', map.leaves, 0, lowest)
end

-- Gives the key the value that `change` makes of its old one (nil when there is none); false takes it out.
-- Answers with the old value and the new. A leaf is split as soon as it is full: one member more, and Redis
-- would give up its compact encoding, for good.
local function update(map, key, change)
  local lowest = lowest_key(map, key)
  local leaf = leaf_at(map, lowest)
  local member = member_in(leaf, key)
  local old = member and value_of(member)
  local new = change(old)
  if new == (old or false) then
    return old, new
  end
  if new then
    redis.call('ZADD', leaf, 0, key .. '\0' .. new)
  end
  if member then
    redis.call('ZREM', leaf, member)
  end
  if new and not member and redis.call('ZCARD', leaf) >= LEAF then
    split(map, leaf)
  elseif not new and lowest and redis.call('EXISTS', leaf) == 0 then
    redis.call('ZREM', map.leaves, lowest)
  end
  return old, new
end

local function put(map, key, value)
  return (update(map, key, function() return value end))
end

-- The members after a key ('' is before all), at most `count`, in order.
local function members_after(map, after, count)
  local found, from = {}, '-'
  local lowest = false
  if after ~= '' then
    from, lowest = '(' .. after .. '\1', lowest_key(map, after)
  end
  while #found < count do
    for _, member in ipairs(redis.call('ZRANGEBYLEX', leaf_at(map, lowest), from, '+', 'LIMIT', 0, count - #found)) do
      found[#found + 1] = member
    end
    lowest = redis.call('ZRANGEBYLEX', map.leaves, lowest and '(' .. lowest or '-', '+', 'LIMIT', 0, 1)[1]
    if not lowest then
      return found
    end
    from = '-'
  end
  return found
end
