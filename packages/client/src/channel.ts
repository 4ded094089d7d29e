import { Client, connectivityState } from "@grpc/grpc-js";
import { channelSecurity, type TlsContext } from "./tls/client-tls.js";

export interface ChannelOptions {
  readonly answerBytesMax: number;
  /** `undefined`: plaintext. */
  readonly tls?: TlsContext | undefined;
}

/** The way to one node. It connects when `becomesUp` is asked, or at the first call. */
export function newChannel(address: string, { answerBytesMax, tls }: ChannelOptions): Client {
  const security = channelSecurity(tls);
  return new Client(address, security.credentials, {
    ...security.options,
    "grpc.max_receive_message_length": answerBytesMax,
    "grpc.max_send_message_length": -1,
    // Whether a call may be repeated is decided in one place, retry.ts: no policy from DNS.
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_http_proxy": 0,
    // A socket of our own, so that closing the channel closes it.
    "grpc.use_local_subchannel_pool": 1,
    // The library's own pauses grow to two minutes, far beyond any caller's deadline.
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 500,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 5_000,
  });
}

/** Resolves to false as soon as an attempt to connect has failed, or time is up. */
export function becomesUp(client: Client, timeoutMs: number): Promise<boolean> {
  const channel = client.getChannel();
  const until = Date.now() + timeoutMs;
  return new Promise((resolve) => {
    const look = (): void => {
      const state = channel.getConnectivityState(true);
      const hasFailed =
        state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN;
      if (state === connectivityState.READY) resolve(true);
      else if (hasFailed || Date.now() >= until) resolve(false);
      else channel.watchConnectivityState(state, until, look);
    };
    look();
  });
}

const healthPath = "/grpc.health.v1.Health/Check";
const reasonTimeoutMs = 200;

/**
 * Why the last attempt to connect failed, in one line for people. Only a call tells that, so one is
 * made which changes nothing, should it get through by now.
 */
export function noConnection(
  client: Client,
  address: string,
  tls: TlsContext | undefined,
): Promise<string> {
  const told = `${address}: no connection; does a node listen there?`;
  if (tls === undefined) return Promise.resolve(told);
  const same = (bytes: Buffer): Buffer => bytes;
  const deadline = Date.now() + reasonTimeoutMs;
  return new Promise((resolve) => {
    client.makeUnaryRequest(healthPath, same, same, Buffer.alloc(0), { deadline }, (error) => {
      const reason = /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(
        error?.details ?? "",
      )?.[1];
      resolve(
        reason === undefined ? told : `${address}: no connection over TLS: ${wayOut(reason)}`,
      );
    });
  });
}

/** What can be done about it, where that is known. */
function wayOut(reason: string): string {
  const line = reason.replaceAll(/\s+/g, " ").trim();
  if (/wrong version number|packet length too long|ECONNRESET|disconnected before/i.test(line)) {
    return `${line}; does the node speak TLS, and take this certificate?`;
  }
  if (/altnames/i.test(line)) return `${line}; set serverName (--server-name)`;
  if (/self.signed|unable to (?:get|verify)/i.test(line)) {
    return `${line}; give the authority that issued the node's certificate as ca (--ca)`;
  }
  if (/expired/i.test(line)) return `${line}; renew the node's certificate`;
  if (/certificate required|handshake failure|alert/i.test(line)) {
    return `${line}; the node wants a certificate of its authority (--cert, --key)`;
  }
  return line;
}
