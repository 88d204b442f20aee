vim.bo.commentstring = "# %s"
vim.bo.shiftwidth = 2
vim.bo.expandtab = true
-- Colours and folds of the syntax tree, where its parser was built (editors/README.md).
if vim.treesitter.language.add("rot") then
  vim.treesitter.start()
  vim.wo[0][0].foldmethod = "expr"
  vim.wo[0][0].foldexpr = "v:lua.vim.treesitter.foldexpr()"
  vim.wo[0][0].foldlevel = 99
end
