-- Neovim 0.11 and later: `vim.lsp.enable("rot")`.
return {
  cmd = { "rot", "lsp" },
  filetypes = { "rot", "json" },
  root_markers = { "rot.toml", ".git" },
}
