-- The syntax tree in the real editor: `nvim --headless -u NONE -l tree.lua PARSER FOLDER FILE…`. One line a check, exit code 1 on a failure.
local parser, folder = arg[1], arg[2]
local failed = false
local function check(name, good, seen)
  print((good and "ok " or "FAILED ") .. name .. (good and "" or ": " .. vim.inspect(seen)))
  failed = failed or not good
end

vim.opt.runtimepath:prepend(folder)
vim.opt.runtimepath:append(folder .. "/after")
check("the parser is loaded", pcall(vim.treesitter.language.add, "rot", { path = parser }))
vim.cmd("filetype plugin on")
dofile(folder .. "/ftdetect/rot.lua")

local kinds = { "highlights", "folds", "indents", "injections" }
for _, kind in ipairs(kinds) do
  local good, query = pcall(vim.treesitter.query.get, "rot", kind)
  check(kind .. " can be read", good and query ~= nil, query)
end

local captures, folds = {}, 0
for index = 3, #arg do
  vim.cmd.edit(arg[index])
  local buffer = vim.api.nvim_get_current_buf()
  check(vim.fs.basename(arg[index]) .. " is coloured by its tree", vim.treesitter.highlighter.active[buffer] ~= nil)
  local tree = vim.treesitter.get_parser(buffer, "rot"):parse()[1]
  check("it has no error", not tree:root():has_error(), tree:root():sexpr())
  local query = vim.treesitter.query.get("rot", "highlights")
  for id in query:iter_captures(tree:root(), buffer) do captures[query.captures[id]] = true end
  for line = 1, vim.api.nvim_buf_line_count(buffer) do
    if vim.fn.foldlevel(line) > 0 then folds = folds + 1 end
  end
end
for _, name in ipairs({ "keyword", "string", "number", "operator", "constant", "function", "comment" }) do
  check("there is @" .. name, captures[name], captures)
end
check("there are folds", folds > 5, folds)
os.exit(failed and 1 or 0)
