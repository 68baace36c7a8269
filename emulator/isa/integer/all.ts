/** General-purpose instructions. */
import './add.ts';
