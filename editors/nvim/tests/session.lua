-- A session of the real editor: `nvim --headless -u NONE -l session.lua ROT FOLDER`. Prints one line a check, exits with 1 on a failure.
local rot, folder = arg[1], arg[2]
local failed = false
local function check(name, good, seen)
  print((good and "ok " or "FAILED ") .. name .. (good and "" or ": " .. vim.inspect(seen)))
  failed = failed or not good
end
local function until_true(condition)
  return vim.wait(20000, condition, 20)
end

vim.opt.runtimepath:prepend(arg[3])
vim.cmd("filetype on")
dofile(arg[3] .. "/ftdetect/rot.lua")
local config = dofile(arg[3] .. "/lsp/rot.lua")
config.cmd = { rot, "lsp" }
config.name = "rot"
config.root_dir = folder

vim.cmd.edit(folder .. "/main.rot")
check("the file type is known", vim.bo.filetype == "rot", vim.bo.filetype)
local buffer = vim.api.nvim_get_current_buf()
local id = vim.lsp.start(config, { bufnr = buffer })
local client = vim.lsp.get_client_by_id(id)
check("the server starts", until_true(function() return client.initialized end))
check("it counts in bytes", client.offset_encoding == "utf-8", client.offset_encoding)

local function findings()
  return vim.tbl_map(function(d) return d.code end, vim.diagnostic.get(buffer))
end
check("findings come", until_true(function() return vim.tbl_contains(findings(), "ROT301") end), findings())

local function find(text)
  for number, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, -1, false)) do
    local at = line:find(text, 1, true)
    if at then return { line = number - 1, character = at } end
  end
end
local function ask(method, position, more)
  local params = vim.tbl_extend("force", {
    textDocument = vim.lsp.util.make_text_document_params(buffer),
    position = position,
  }, more or {})
  local answer = client:request_sync(method, params, 20000, buffer)
  return answer and answer.result, answer and answer.err
end

local hover = ask("textDocument/hover", find("api_key   expect"))
check("hover says where a secret may go", hover and hover.contents.value:find("may go to", 1, true) ~= nil, hover)

local defined = ask("textDocument/definition", find("api_key   expect"))
check("the definition is in the used file", defined and vim.endswith(defined.uri, "/shared.rot"), defined)

local edit = ask("textDocument/rename", find("api_key   expect"), { newName = "service_key" })
vim.lsp.util.apply_workspace_edit(edit, client.offset_encoding)
local function text(path)
  local number = vim.fn.bufadd(path)
  vim.fn.bufload(number)
  return table.concat(vim.api.nvim_buf_get_lines(number, 0, -1, false), "\n")
end
check("renamed here", text(folder .. "/main.rot"):find("secrets.service_key", 1, true) ~= nil, text(folder .. "/main.rot"))
check("renamed there", text(folder .. "/shared.rot"):find("secret service_key", 1, true) ~= nil, text(folder .. "/shared.rot"))

-- The used file first: without a watcher of files the server looks at it again when the file that uses it is saved.
vim.api.nvim_buf_call(vim.fn.bufadd(folder .. "/shared.rot"), function() vim.cmd("silent write") end)
vim.cmd("silent wall")
check("the name is known again", until_true(function() return not vim.tbl_contains(findings(), "ROT105") end), findings())

local place = find("log \"")
local actions, ignore
-- What was renamed is looked at anew; until then there is nothing to offer.
for _ = 1, 100 do
  actions = ask("textDocument/codeAction", nil, {
    range = { start = { line = place.line, character = 0 }, ["end"] = { line = place.line, character = 99 } },
    context = { diagnostics = {} },
  })
  ignore = vim.tbl_filter(function(a) return a.title:find("Ignore ROT301", 1, true) end, actions or {})[1]
  if ignore then break end
  vim.wait(100)
end
check("a finding can be lived with", ignore ~= nil, actions)
if ignore then
  vim.lsp.util.apply_workspace_edit(ignore.edit, client.offset_encoding)
  check("and is gone then", until_true(function() return not vim.tbl_contains(findings(), "ROT301") end), findings())
end

local edits = ask("textDocument/formatting", nil, { options = { tabSize = 2, insertSpaces = true } })
vim.lsp.util.apply_text_edits(edits or {}, buffer, client.offset_encoding)
check("it is laid out", text(folder .. "/main.rot"):find("\n  every 1d", 1, true) ~= nil, text(folder .. "/main.rot"))

local offered = ask("textDocument/completion", find("service_key"))
local labels = vim.tbl_map(function(i) return i.label end, offered and offered.items or {})
check("the name is offered", vim.tbl_contains(labels, "service_key"), labels)

client:stop()
check("it leaves", until_true(function() return client:is_stopped() end))
os.exit(failed and 1 or 0)
