import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whether certificates can be made on this machine. */
export const hasOpenssl: boolean = (() => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write("skipped: tests with certificates need openssl\n");
    return false;
  }
})();

/** Files of one certificate, and what is in them. */
export interface Issued {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** An authority of its own, in a directory; certificates are for 30 days. */
export class Authority {
  readonly caFile: string;
  readonly ca: Buffer;
  readonly #directory: string;
  readonly #name: string;

  constructor(directory: string, name = "ca") {
    this.#directory = directory;
    this.#name = name;
    this.caFile = join(directory, `${name}.pem`);
    openssl(
      ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ["-days", "30", "-subj", `/CN=${name}`, "-keyout", this.#path("key"), "-out", this.caFile],
    );
    this.ca = readFileSync(this.caFile);
  }

  /** `names` as openssl writes them: `IP:127.0.0.1`, `DNS:node-1`. */
  issue(name: string, names: string): Issued {
    const certFile = join(this.#directory, `${name}.pem`);
    const keyFile = join(this.#directory, `${name}-key.pem`);
    const request = join(this.#directory, `${name}.csr`);
    const extensions = join(this.#directory, `${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl(
      ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
      ["-subj", `/CN=${name}`, "-keyout", keyFile, "-out", request],
    );
    openssl(
      ["x509", "-req", "-in", request, "-CA", this.caFile, "-CAkey", this.#path("key")],
      ["-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certFile],
    );
    return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }

  #path(what: string): string {
    return join(this.#directory, `${this.#name}-${what}.pem`);
  }
}

function openssl(...parts: readonly (readonly string[])[]): void {
  execFileSync("openssl", parts.flat(), { stdio: ["ignore", "ignore", "pipe"] });
}
