/** x87 instructions. */
import './arithmetic.ts';
import './control.ts';
import './transfer.ts';
