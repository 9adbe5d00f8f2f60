/* Parts of the Swift runtime that the programs which enter containers are spared: runtime.c. Nothing to be called. */
