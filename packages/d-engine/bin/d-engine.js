#!/usr/bin/env node
// Stands outside `dist`, so that it exists, and can be linked and executed, before anything is built.
import "../dist/cli/main.js";
