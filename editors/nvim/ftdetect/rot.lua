vim.filetype.add({ extension = { rot = "rot" } })
