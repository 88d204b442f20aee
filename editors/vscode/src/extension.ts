import { type ExtensionContext, window, workspace } from "vscode";
import { LanguageClient, TransportKind } from "vscode-languageclient/node";

let client: LanguageClient | undefined;

export async function activate(context: ExtensionContext): Promise<void> {
  const settings = workspace.getConfiguration("rot");
  const command = settings.get<string>("path") || "rot";
  client = new LanguageClient(
    "rot",
    "rot",
    { command, args: ["lsp"], transport: TransportKind.stdio },
    {
      documentSelector: [
        { scheme: "file", language: "rot" },
        { scheme: "file", language: "json" },
      ],
      initializationOptions: {
        // What is no JSON at all is said by the editor's own service.
        jsonSyntax: false,
        labelHints: settings.get<boolean>("labelHints") ?? false,
      },
      synchronize: { fileEvents: workspace.createFileSystemWatcher("**/{rot.toml,*.rot,*.json}") },
    },
  );
  try {
    await client.start();
  } catch {
    window.showErrorMessage(`rot could not be started as \`${command}\`: install it, or name it in the setting rot.path`);
    return;
  }
  context.subscriptions.push(client);
}

export function deactivate(): Promise<void> | undefined {
  return client?.stop();
}
