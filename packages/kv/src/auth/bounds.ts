/** The same on all nodes, as they are looked at when a change is applied. */
export const AUTH_BOUNDS = Object.freeze({
  usersMax: 1_024,
  rolesMax: 1_024,
  rolesOfUserMax: 64,
  permissionsOfRoleMax: 256,
  tokensOfUserMax: 32,
  nameCharsMax: 64,
  secretBytesMax: 256,
});

/** What a user, a role or a token may be called: it goes into tokens, files and command lines. */
export const AUTH_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
