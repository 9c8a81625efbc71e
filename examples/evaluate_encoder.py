"""Evaluate an encoder on photographs without labels, and read what came out as a DataFrame."""

from mmssl_robust import evaluate
from mmssl_robust.utils.assets import ASSETS

ENCODER = 'mini'  # or timm:NAME, hf:NAME, hub:REPOSITORY:NAME, FILE.py:FUNCTION, a checkpoint
PHOTOS = ASSETS / 'samples/hololens/images'  # or any folder of images

# Few steps, to be quick: without `steps` the attacks are stronger. The same call again takes what has been recorded.
results = evaluate(ENCODER, PHOTOS, attacks=['embed-cls'], eps=['2/255', '8/255'], steps=5, max_images=4)
print(results)  # as the command line shows it

table = results.to_pandas()  # a line for each metric of the clean images and of each attack
print(table[table['metric'] == 'nearest'][['attack', 'eps', 'value', 'low', 'high', 'images']].to_string(index=False))

moved = table[table['metric'] == 'cls_distance'].set_index('eps')['value']
print(f'at 8/255 CLS moves by {moved[8 / 255]:.2f} of the distance between two images')
print(f'{results.value("embed-cls"):.0f} % of the images are still nearest to themselves')
print('table:', results.save(results.work_dir / 'table.csv'))
print('report:', results.report())
