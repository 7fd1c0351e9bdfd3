-- SPDX-License-Identifier: Apache-2.0
-- What scripts find that the store calls: ways to ask it, and what an event wants done.

local ask = ...
local _G, error, next, rawequal, rawget, type = _G, error, next, rawequal, rawget, type

local operations, in_event = {}, false

local function asked(what, ...)
    local ok, value = ask(what, ...)
    if not ok then
        error(value, 3)
    end
    return value
end

-- REST of this store. `builtin` is Orthanc's: there are no plugins that it could leave out.

function RestApiGet(uri, builtin, headers)
    return asked("rest", "GET", uri, nil, headers)
end

function RestApiPost(uri, body, builtin, headers)
    return asked("rest", "POST", uri, body, headers)
end

function RestApiPut(uri, body, builtin, headers)
    return asked("rest", "PUT", uri, body, headers)
end

function RestApiDelete(uri, builtin, headers)
    return asked("rest", "DELETE", uri, nil, headers)
end

-- Other systems. Credentials and patience hold for all requests that follow, as in Orthanc.

local seconds, user, password

function SetHttpCredentials(name, secret)
    user, password = name, secret
end

function SetHttpTimeout(limit)
    seconds = limit
end

function HttpGet(url, headers)
    return asked("http", "GET", url, nil, headers, seconds, user, password)
end

function HttpPost(url, body, headers)
    return asked("http", "POST", url, body, headers, seconds, user, password)
end

function HttpPut(url, body, headers)
    return asked("http", "PUT", url, body, headers, seconds, user, password)
end

function HttpDelete(url, headers)
    local answer = asked("http", "DELETE", url, nil, headers, seconds, user, password)
    return answer and "SUCCESS"
end

-- The settings of this store that Orthanc has, by its names, without secrets.
function GetOrthancConfiguration()
    return asked("configuration")
end

-- What an event wants done, once it has ended without an error.

local function operation(what, verb, resource)
    if type(resource) ~= "string" then
        error("Cannot " .. verb .. " a nonexistent resource", 3)
    elseif not in_event then
        error("Only functions that are told of events can " .. verb .. " resources", 3)
    end
    what.Resource = resource
    operations[#operations + 1] = what
end

local function named(kind, name)
    if type(name) ~= "string" then
        error("The name of a " .. kind .. " is a text", 3)
    end
    return name
end

function SendToModality(resource, modality, localAet)
    operation({
        Operation = "store-scu",
        Modality = named("modality", modality),
        LocalAet = type(localAet) == "string" and localAet or "",
    }, "send", resource)
    return resource
end

function SendToPeer(resource, peer)
    operation({ Operation = "store-peer", Peer = named("peer", peer) }, "send", resource)
    return resource
end

function Delete(resource)
    operation({ Operation = "delete" }, "delete", resource)
end

function _InitializeJob()
    operations = {}
end

function _AccessJob()
    return operations
end

for _, name in ipairs({ "ModifyResource", "ModifyInstance", "CallSystem" }) do
    _G[name] = function()
        error(name .. " is not offered by this store", 2)
    end
end

-- For the process that this runs in.

local function begin(event)
    operations, in_event = {}, event
end

local function taken()
    local wanted = operations
    operations, in_event = {}, false
    return wanted
end

local function globals()
    local seen = {}
    for name, value in next, _G do
        seen[name] = value
    end
    return seen
end

local function differ(before)
    for name, value in next, _G do
        if not rawequal(before[name], value) then
            return true
        end
    end
    for name in next, before do
        if rawget(_G, name) == nil then
            return true
        end
    end
    return false
end

local function is_defined(name)
    return type(rawget(_G, name)) == "function"
end

return begin, taken, globals, differ, is_defined
