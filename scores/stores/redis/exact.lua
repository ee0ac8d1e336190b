-- Totals: a count, and an exact sum of doubles from 0 to 1, as text: "25 c.f47e9bcb" is 25 values whose sum
-- is the hexadecimal fraction c.f47e9bcb. The text of a total is unique: two equal totals are equal texts.
-- Lua's numbers are doubles, so the sum is taken apart in limbs of 32 bits, where every step is exact.

local RADIX = 4294967296

local function limbs_of(total)
  local count, whole, fraction = string.match(total, '^(%d+) (%x+)%.?(%x*)$')
  local limbs = { [0] = tonumber(whole, 16) }
  for k = 1, math.ceil(#fraction / 8) do
    limbs[k] = tonumber(string.sub(string.sub(fraction, 8 * k - 7, 8 * k) .. '0000000', 1, 8), 16)
  end
  return tonumber(count), limbs
end

-- Floor, difference and product with a power of two are exact, so nothing of the score is lost.
local function add_score(limbs, score, sign)
  local k, rest = 0, tonumber(score)
  while rest > 0 do
    local whole = math.floor(rest)
    limbs[k] = (limbs[k] or 0) + sign * whole
    rest, k = (rest - whole) * RADIX, k + 1
  end
  return k - 1
end

local function text_of(count, limbs, last)
  local fraction = {}
  for k = last, 1, -1 do
    local limb = limbs[k] or 0
    local carry = math.floor(limb / RADIX)
    limbs[k - 1] = (limbs[k - 1] or 0) + carry
    fraction[k] = string.format('%08x', limb - carry * RADIX)
  end
  local digits = string.gsub(table.concat(fraction), '0+$', '')
  return string.format('%.0f %x', count, limbs[0]) .. (digits == '' and '' or '.' .. digits)
end

-- The total after `old` is taken out and `new` is put in (each a score's text, or false); false when none is left.
local function change_total(total, old, new)
  local count, limbs = limbs_of(total or '0 0')
  local last = #limbs
  if old then
    count, last = count - 1, math.max(last, add_score(limbs, old, -1))
  end
  if new then
    count, last = count + 1, math.max(last, add_score(limbs, new, 1))
  end
  return count > 0 and text_of(count, limbs, last)
end
