-- SPDX-License-Identifier: Apache-2.0
-- What scripts find beside the language, and what is taken from it before they run.

local write, parse, dump = ...
local tostring, type, pairs, concat, select = tostring, type, pairs, table.concat, select

-- All that Python lends has one metatable: who could change it, would be called in its place.
debug.getmetatable(write).__metatable = false

for _, door in ipairs({
    "collectgarbage", "debug", "dofile", "io", "load", "loadfile", "os", "package", "python",
    "require", "warn",
}) do
    _G[door] = nil
end
string.dump = nil

-- Values on one line, separated as Orthanc separates them.
function print(...)
    local shown = {}
    for n = 1, select("#", ...) do
        shown[n] = tostring((select(n, ...)))
    end
    write(concat(shown, ", ") .. "\n")
end

function ParseJson(text)
    return parse(text)
end

function DumpJson(value, keepStrings)
    return dump(value, keepStrings)
end

-- A value, or a table with all that is in it, in `limit` lines at most (100 by default).
function PrintRecursive(value, limit, indent)
    limit, indent = limit or 100, indent or ""
    local start = indent == "" and "" or indent .. ", "
    if limit < 1 then
        print("ERROR: Item limit reached.")
    elseif type(value) ~= "table" then
        print(start .. type(value), value)
    else
        print(start .. "table")
        for key, item in pairs(value) do
            limit = PrintRecursive(item, limit, indent .. "\t[" .. tostring(key) .. "]")
            if limit < 0 then
                break
            end
        end
        return limit
    end
    return limit - 1
end
